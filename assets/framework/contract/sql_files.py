"""Read queries from `.sql` files next to the modules that run them."""

from importlib import resources


def read_sql(name: str, package: str = "assets") -> str:
    """Return the text of `sql/<name>.sql` in a package."""
    return resources.files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
