"""Which of what is installed a session loads."""

from types import ModuleType
from typing import Any, cast

import pytest
from tornado import web

from deploy.jupyterhub.spawner import BubblewrapSpawner

INSTALLED = (
    "jupyterlab",
    "notebook",
    "notebook_shim",
    "jupyter_lsp",
    "jupyter_server_terminals",
    "nbgrader.server_extensions.formgrader",
    "something_of_the_site",
)
PAGE = {
    "federated_extensions": [{"name": "@jupyter/nbgrader"}, {"name": "paja-notice"}],
    "disabledExtensions": ["@jupyterlab/apputils-extension:announcements"],
    "baseUrl": "/user/p-1/s-1/",
}


def loaded(tools: ModuleType, *asked: str) -> set[str]:
    extensions: dict[str, bool] = tools.server_extensions(INSTALLED, frozenset(asked))
    assert set(extensions) >= set(INSTALLED)  # what is not named is loaded
    return {name for name, is_loaded in extensions.items() if is_loaded}


def test_a_plain_session_loads_pages_and_notice_whatever_is_installed(tools: ModuleType) -> None:
    assert loaded(tools) == {"jupyterlab", "notebook", "paja_notice"}


@pytest.mark.parametrize(
    ("tool", "extension"),
    [("terminal", {"jupyter_server_terminals"}), ("language-server", {"jupyter_lsp"}), ("unheard-of", set())],
)
def test_a_tool_brings_its_own_extension_and_no_other(
    tools: ModuleType, tool: str, extension: set[str]
) -> None:
    assert loaded(tools, tool) - loaded(tools) == extension


def test_an_author_needs_nothing_of_nbgrader_in_the_server(tools: ModuleType) -> None:
    assert loaded(tools, "create-assignment") == loaded(tools)


def narrowed(tools: ModuleType, *asked: str) -> tuple[set[str], set[str]]:
    page = tools.narrow_page(PAGE, frozenset(asked))
    assert page["baseUrl"] == PAGE["baseUrl"]
    return {extension["name"] for extension in page["federated_extensions"]}, set(page["disabledExtensions"])


def test_a_plain_page_loads_no_tool(tools: ModuleType) -> None:
    federated, disabled = narrowed(tools)

    assert federated == {"paja-notice"}
    assert disabled >= {
        "@jupyterlab/apputils-extension:announcements",
        "@jupyterlab/lsp-extension",
        "@jupyterlab/terminal-extension",
    }


def test_a_page_loads_the_tool_that_was_asked_for(tools: ModuleType) -> None:
    _, plain = narrowed(tools)
    _, with_terminal = narrowed(tools, "terminal")
    federated, _ = narrowed(tools, "create-assignment")

    assert plain - with_terminal == {"@jupyterlab/terminal-extension", "@jupyter-notebook/terminal-extension"}
    assert "@jupyter/nbgrader" in federated


def test_an_author_gets_the_panel_and_nothing_else_of_nbgrader(tools: ModuleType) -> None:
    _, disabled = narrowed(tools, "create-assignment")

    assert {name for name in disabled if "nbgrader" in name} == {
        "@jupyter/nbgrader:assignment-list",
        "@jupyter/nbgrader:course-list",
        "@jupyter/nbgrader:formgrader",
        "@jupyter/nbgrader:validate-assignment",
    }


def test_what_the_hub_adds_to_a_page_stays(tools: ModuleType) -> None:
    def of_the_hub(handler: object, page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "hubUser": handler}

    page = tools.narrow_pages(of_the_hub, frozenset())("ada", PAGE)

    assert page["hubUser"] == "ada"
    assert tools.narrow_pages(None, frozenset())("ada", PAGE)["federated_extensions"] == [
        {"name": "paja-notice"}
    ]


def test_the_spawner_offers_what_the_session_knows(tools: ModuleType) -> None:
    assert set(tools.TOOLS) == set(new_spawner().tools)


@pytest.mark.parametrize(
    "asked", [["sudo"], ["terminal", "sudo"], "terminal", [3], [["terminal"]], {"terminal": 1}, None]
)
def test_a_tool_that_the_factory_does_not_offer_is_refused(asked: object) -> None:
    with pytest.raises(web.HTTPError) as refused:
        check({"tools": asked})

    assert refused.value.status_code == 400
    assert "terminal, language-server" in str(refused.value.log_message)


@pytest.mark.parametrize("asked", [[], ["terminal"], ["create-assignment", "terminal"]])
def test_a_tool_that_the_factory_offers_is_had(asked: list[str]) -> None:
    check({"tools": asked})
    check({"tools": asked, "flavour": "development"})


def check(options: dict[str, object]) -> None:
    new_spawner().check_options(options)


def new_spawner() -> BubblewrapSpawner:
    """As JupyterHub makes it, without a hub."""
    return cast("BubblewrapSpawner", cast("Any", BubblewrapSpawner).__new__(BubblewrapSpawner))
