"""The version, as in SemVer over ``domain.__all__``."""

VERSION = "0.1.0"
