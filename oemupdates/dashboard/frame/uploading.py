"""A file that comes in by a form: straight to the disk, and no further than it may go."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from oemupdates.services.shared.activity import Refused

Upload = Callable[[int], AbstractContextManager[Path]]
CheckName = Callable[[str], None]


class ToDisk(FileUploadHandler):
    """Writes the one file of a form where it is to be read; `problem` says why not.

    `upload` says where a file of a size goes, and has room for it until the form was dealt with;
    `check_name` refuses a file by its name.
    """

    def __init__(
        self, request: HttpRequest, upload: Upload, check_name: CheckName = lambda _name: None
    ) -> None:
        super().__init__(request)
        self.name, self.problem = "", ""
        self.path: Path | None = None
        self._upload, self._check_name = upload, check_name
        self._place: Path | None = None
        self._room = ExitStack()
        self._file: IO[bytes] | None = None
        self._kept = False

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 - Django's
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Refuse by its length what is too large, before any of it is written."""
        try:
            self._place = self._room.enter_context(self._upload(content_length))
        except Refused as refusal:
            self.problem = str(refusal)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin the first file; a form has one."""
        super().new_file(*args, **kwargs)
        if not self.problem and self.path is None:
            self.name = self.file_name or ""
            try:
                self._check_name(self.name)
            except Refused as refusal:
                self.problem = str(refusal)
            else:
                self.path = self._place
        elif not self.problem:
            self.problem = "Send one file at a time."
        if self.problem or self.path is None:
            raise StopUpload(connection_reset=True)
        self._file = self.path.open("xb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a piece."""
        if self._file is not None:
            self._file.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[Any] | None":
        """End the file; it is no part of the form's values."""
        self._close()
        return None

    def upload_interrupted(self) -> None:
        """Keep nothing of what was not sent to its end."""
        self._close()
        self.forget()
        self.path = None

    def keep(self) -> None:
        """Leave the file where it is when the request ends."""
        self._kept = True

    def forget(self) -> None:
        """Delete the file, unless it is kept, and give back the room for it."""
        self._close()
        self._room.close()
        if self.path is not None and not self._kept:
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
