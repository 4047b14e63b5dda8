pytest_plugins = ["domain.testing"]
