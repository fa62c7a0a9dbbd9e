"""Where the process begins: hands the command line to `commands`. Nothing imports this file."""

from commands import main

if __name__ == "__main__":
    main(prog_name="cityward")
