"""Room on the payload disk for several at once: what others will need is as good as taken."""

import os
import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from oemupdates.services.hosting.disk_room import NoRoom, promised, taking

pytestmark = pytest.mark.once
Usage = namedtuple("Usage", "total used free")
DISK, RESERVE = 10_000, 1_000


@pytest.fixture(autouse=True)
def root(tmp_path, settings, monkeypatch):
    """A disk of its own: of so many bytes, with what lies in the payload folder on it."""
    settings.PAYLOAD_DIR = root = tmp_path / "payloads"
    settings.SYNC_DISK_RESERVE = RESERVE
    root.mkdir()

    def usage(_path):
        used = sum(one.stat().st_size for one in root.rglob("*.gz"))
        return Usage(DISK, used, DISK - used)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    return root


def put(folder, size, name="os.gz"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(bytes(size))


class TestTaking:
    def test_counts_what_others_will_need(self, root):
        with taking(root / ".staging/1", 6_000):
            with pytest.raises(NoRoom, match="of it for what is on its way already"):
                taking(root / ".staging/2", 3_001).__enter__()
            with taking(root / ".staging/2", 3_000):
                assert promised() == 9_000
        assert promised() == 0
        with taking(root / ".staging/2", 9_000):
            pass

    def test_counts_once_what_came_meanwhile(self, root):
        with taking(root / ".staging/1", 6_000):
            put(root / ".staging/1/files", 4_000)
            assert promised() == 2_000
            with taking(root / ".staging/2", 3_000):
                pass

    def test_needs_nothing_for_what_lies_there_from_before(self, root):
        put(root / ".staging/1", 5_000)
        with taking(root / ".staging/1", 9_000):
            assert promised() == 4_000

    def test_leaves_the_reserve_alone(self, root):
        with pytest.raises(NoRoom, match=r"needs 9\.8 KB free, and has 9\.8 KB\."):
            taking(root / ".staging/1", 9_001).__enter__()
        assert not list((root / ".room").glob("*.taken.lock"))

    def test_gives_back_what_the_dead_took(self, root):
        put(root / ".room", 0, "dead.taken.lock")
        (root / ".room/dead.taken.lock").write_text('{"place": ".staging/1", "size": 9000}')
        with taking(root / ".staging/2", 9_000):
            assert promised() == 9_000
        assert not (root / ".room/dead.taken.lock").exists()

    def test_lets_in_as_many_as_there_is_room_for(self, root):
        meet, part = Barrier(8), Barrier(8)

        def bring(number):
            meet.wait()
            try:
                with taking(root / f".staging/{number}", 3_000):
                    part.wait()
            except NoRoom:
                part.wait()
                return 0
            return 1

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(bring, range(8))) == 3

    def test_holds_against_another_process(self, root):
        ready, wrote = os.pipe()
        waits, go = os.pipe()
        if not (child := os.fork()):
            with taking(root / ".staging/1", 8_000):
                os.write(wrote, b"!")
                os.read(waits, 1)
            os._exit(0)
        os.read(ready, 1)
        with pytest.raises(NoRoom):
            taking(root / ".staging/2", 2_000).__enter__()
        os.write(go, b"!")
        assert os.waitpid(child, 0)[1] == 0
        with taking(root / ".staging/2", 2_000):
            pass
