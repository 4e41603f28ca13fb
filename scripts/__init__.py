"""Tools of the local suite: what it needs on this machine, the emulators, the local scheduler, generated files."""
