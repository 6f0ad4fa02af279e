# SPDX-License-Identifier: BSD-2-Clause
"""scripts/demo shows what it promises, twice in a row, and leaves nothing behind."""

import os
import subprocess

import namespaces
import pkvtest

DEMO = os.path.join(pkvtest.SOURCE, "scripts/demo")


def demo(directory, path=os.environ["PATH"]):
    """In a network of its own, so that it meets no other test on port 4789."""
    environment = {**os.environ, "TMPDIR": directory, "PATH": path}
    command = ["unshare", "--net", "sh", "-c", f"ip link set lo up && exec '{DEMO}'"]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, timeout=900)


@namespaces.needed
class Demo(pkvtest.Case):
    def test_it_runs_twice_and_leaves_nothing_behind(self):
        before = self.tree()
        for turn in (1, 2):
            with self.subTest(turn):
                done = demo(self.directory)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assert_shows_the_connection(done.stdout)
                self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(self.tree(), before)

    def assert_shows_the_connection(self, shown):
        # tcpdump's own view of the capture, which is what must have come back.
        lines = [line for line in shown.splitlines() if " IP 172.16.11.201" in line or " IP 54.86.237.188" in line]
        self.assertEqual(len(lines), 12, shown)
        self.assertRegex(lines[0], r"IP 172\.16\.11\.201\.40354 > 54\.86\.237\.188\.80: Flags \[S\], seq 1\d+")
        self.assertIn("GET /image/svg", shown)
        self.assertRegex(shown, r"(?m)^\S+Z 1 +TCP +172\.16\.11\.201:40354 > 54\.86\.237\.188:80 +74 S$")
        self.assertTrue(shown.rstrip().endswith("untouched"), shown)

    def tree(self):
        """Every file of the checkout, but for git's own and what a build in it changes."""
        found = []
        for directory, folders, names in os.walk(pkvtest.SOURCE):
            folders[:] = [f for f in folders if f not in (".git", "build")]
            found += [os.path.join(directory, name) for name in names]
        return sorted(found)

    def test_a_daemon_that_fails_ends_it(self):
        """What is built is a daemon that leaves at once."""
        tools = self.path("tools")
        os.makedirs(os.path.join(tools, "tmp"))
        with open(os.path.join(tools, "cmake"), "w", encoding="ascii") as file:
            file.write('#!/bin/sh\n[ "$1" = --build ] || exit 0\nmkdir -p "$2/cli"\n'
                       'printf "#!/bin/sh\\necho it failed\\nexit 1\\n" >"$2/cli/pktvaultd"\n'
                       'chmod +x "$2/cli/pktvaultd"\n')
        os.chmod(file.name, 0o755)
        done = demo(os.path.join(tools, "tmp"), f"{tools}:{os.environ['PATH']}")
        self.assertEqual((done.returncode, "it failed" in done.stderr), (1, True), done.stdout + done.stderr)
        self.assertEqual(os.listdir(os.path.join(tools, "tmp")), [])

    def test_a_taken_port_is_reported(self):
        command = "ip link set lo up && ip link add v type vxlan id 1 local 127.0.0.1 dstport 4789 && " \
                  f"ip link set v up && exec '{DEMO}'"
        done = subprocess.run(["unshare", "--net", "sh", "-c", command], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": self.directory}, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("4789 is taken", done.stderr)
        self.assertIn("dstport 4789", done.stderr)
        self.assertEqual(os.listdir(self.directory), [])


if __name__ == "__main__":
    pkvtest.main()
