#!/usr/bin/env python3
"""run_page.py PAGE SCRATCH [BUILD]: carries out a page on a copy of the tree in the folder SCRATCH, with the
build folder BUILD in it where one is given.

A ```c block is put where the paragraph before it says; of a ```sh block the lines after "$ " are run, and
the lines below each must be what it prints, where there are any; "..." stands for some lines."""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WHERE = re.compile(r"^(?:Add to `(?P<below>[^`]+)`, below the line `(?P<line>[^`]+)`"
                   r"|Add at the end of `(?P<end>[^`]+)`|Make the file `(?P<new>[^`]+)`):$")


def copy_tree(scratch):
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(ROOT, scratch, ignore=shutil.ignore_patterns("build*", "runs", ".git"))


def blocks(page):
    """(line number, paragraph before, language, text) of every fenced block."""
    before, lines = "", iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        if line.startswith("```"):
            text = []
            for _, inner in lines:
                if inner.startswith("```"):
                    break
                text.append(inner + "\n")
            yield number, before, line[3:], "".join(text)
            before = ""
        elif line.strip():
            before = line


def put(scratch, where, code):
    file = scratch / (where["below"] or where["end"] or where["new"])
    if where["new"]:
        assert not file.exists(), f"{file.name} is there already"
        file.write_text(code)
        return
    old = file.read_text()
    if where["end"]:
        file.write_text(old + code)
        return
    line = where["line"] + "\n"
    assert old.count(line) == 1, f"the line {where['line']} is in {file.name} {old.count(line)} times"
    file.write_text(old.replace(line, line + code))


def agree(wanted, printed):
    pattern = re.escape("".join(line.rstrip() + "\n" for line in wanted.splitlines()))
    pattern = pattern.replace(re.escape("...\n"), r"(?:.*\n)*")
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in printed.splitlines()))


def run(scratch, text):
    for command, wanted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
        done = subprocess.run(command, shell=True, cwd=scratch, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode or (wanted and not agree(wanted, done.stdout)):
            sys.exit(f"$ {command}\nexit code {done.returncode}\n{done.stdout}"
                     + (f"--- the page says\n{wanted}" if wanted else ""))
        print("$", command)


def main():
    page, scratch = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    copy_tree(scratch)
    if len(sys.argv) > 3:
        (scratch / "build").symlink_to(pathlib.Path(sys.argv[3]).resolve())
    count = 0
    for number, before, language, text in blocks(page):
        where = WHERE.match(before)
        if language == "sh":
            run(scratch, text)
        else:
            assert where, f"{page}:{number}: the line before the block does not say where it goes"
            put(scratch, where, text)
        count += 1
    assert count, f"{page} has no blocks"
    shutil.rmtree(scratch)
    print(f"{count} blocks carried out")


if __name__ == "__main__":
    main()
