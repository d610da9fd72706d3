import os
import time

import pytest

from oemupdates.services.sync.sync_staging import InUse, staging

LONG_AGO = time.time() - 8 * 24 * 60 * 60


@pytest.fixture(autouse=True)
def root(tmp_path, settings):
    settings.PAYLOAD_DIR = tmp_path
    return tmp_path / ".staging"


def leave(folder, age=LONG_AGO):
    folder.mkdir(parents=True)
    (folder / "file.part").write_bytes(b"half")
    os.utime(folder, (age, age))


@pytest.mark.once
class TestStaging:
    def test_goes_on_with_what_waited_however_long(self, root):
        leave(root / "1-1" / "4593.2.1")
        with staging("1-1", "4593.2.1") as folder:
            assert (folder / "file.part").read_bytes() == b"half"
        assert not folder.exists()

    def test_stays_for_the_next_time_where_it_did_not_end_well(self):
        with pytest.raises(ZeroDivisionError), staging("1-1", "4593.2.1") as folder:
            raise ZeroDivisionError
        assert folder.is_dir()

    def test_deletes_what_nobody_came_back_for(self, root):
        old = [root / whose / "4459.2.1" for whose in ("1-1", "2-1")]
        for folder in old:
            leave(folder)
        leave(root / "3-1" / "4459.2.1", age=time.time())
        with staging("1-1", "4593.2.1"):
            assert not any(folder.exists() for folder in old)
            assert (root / "3-1" / "4459.2.1").is_dir()

    def test_touches_nothing_of_those_who_are_at_work(self, root):
        with staging("1-1", "4593.2.1") as theirs:
            os.utime(theirs, (LONG_AGO, LONG_AGO))
            with staging("2-1", "4593.2.1"):
                assert theirs.is_dir()
            with pytest.raises(InUse), staging("1-1", "4593.2.1"):
                pass
            assert theirs.is_dir()
