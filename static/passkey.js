// Asks the browser for a passkey, and posts what it answers: forms with data-passkey alone.
"use strict";

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-passkey]");
  if (!form) return;
  event.preventDefault();
  const fault = form.querySelector("[data-fault]");
  fault.hidden = true;
  try {
    const { publicKey } = JSON.parse(form.dataset.options);
    const answer = form.dataset.passkey === "create"
      ? await navigator.credentials.create({
        publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
      })
      : await navigator.credentials.get({
        publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
      });
    form.elements.credential.value = JSON.stringify(answer.toJSON());
    form.submit();
  } catch {
    fault.hidden = false;
  }
});
