"""What all tests share: where the harness is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Test modules are imported one by one (importlib mode), their common parts by name.
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("harness")
