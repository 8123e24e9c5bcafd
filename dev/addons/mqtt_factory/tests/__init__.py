from . import test_factory
