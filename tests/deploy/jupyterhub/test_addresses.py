"""Which addresses the hub opens, and where its pages lead back to."""

import pytest

from deploy.jupyterhub.addresses import ServerAddress, back_address

OWN = "/user/p-7f3a9c21/s-1f00ba12/"


@pytest.mark.parametrize(
    "rest", ["", "lab", "lab/tree/course/lab/notebook%20one.ipynb?reset#cell-2", "tree/a.b/.c"]
)
def test_an_address_below_a_server_is_taken_as_it_is(rest: str) -> None:
    address = ServerAddress.parse(OWN + rest)

    assert address is not None
    assert (address.user, address.server, address.path) == ("p-7f3a9c21", "s-1f00ba12", OWN + rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/hub/home",
        "/user/p-7f3a9c21/",
        "/user/p-7f3a9c21/s-1f00ba12",
        "/user/p-7f3a9c21/lab/tree",
        "/user/admin/s-1f00ba12/",
        "/user/p-7f3a9c21x/s-1f00ba12/",
        "user/p-7f3a9c21/s-1f00ba12/",
        "//evil.example/user/p-7f3a9c21/s-1f00ba12/",
        "/\\evil.example/user/p-7f3a9c21/s-1f00ba12/",
        "\t//evil.example/",
        "http://evil.example/user/p-7f3a9c21/s-1f00ba12/",
        "https:/user/p-7f3a9c21/s-1f00ba12/",
        f"{OWN}..",
        f"{OWN}../../p-0000eee1/s-0000eee1/lab",
        f"{OWN}%2e%2E/lab",
        f"{OWN}.%2e/lab",
        f"{OWN}/evil.example",
        f"{OWN}lab\r\nSet-Cookie: a=b",
        f"{OWN}lab\\..",
        f"{OWN}lab x",
        f"{OWN}ä",
        f"{OWN}{'a' * 2048}",
    ],
)
def test_anything_that_could_lead_elsewhere_is_refused(text: str) -> None:
    assert ServerAddress.parse(text) is None


@pytest.mark.parametrize(
    "path",
    [
        f"{OWN}lab/tree/x.ipynb",
        f"/hub{OWN}lab",
        "/hub/user/p-7f3a9c21/s-1f00ba12",
        "/hub/spawn-pending/p-7f3a9c21/s-1f00ba12",
        "/hub/spawn/p-7f3a9c21/s-1f00ba12",  # where JupyterLab's own notice leads when its server has gone
    ],
)
def test_a_page_about_a_server_leads_to_the_page_of_its_session(path: str) -> None:
    assert back_address("http://paja.test", path) == "http://paja.test/labs/servers/s-1f00ba12/"


@pytest.mark.parametrize(
    "path", ["/hub/home", "/hub/user/p-7f3a9c21/", "/hub/user/p-7f3a9c21/lab", "/user/x/y/"]
)
def test_any_other_page_leads_to_paja(path: str) -> None:
    assert back_address("http://paja.test", path) == "http://paja.test"
