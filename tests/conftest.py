pytest_plugins = ["domain.testing", "tests.quick"]
