pytest_plugins = ["domain.testing", "tests.quick", "tests.support.databases", "tests.support.partitions"]
