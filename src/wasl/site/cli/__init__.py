"""The command line `./wasl COMMAND`: one module for each command, each with `main(arguments) -> exit code`."""
