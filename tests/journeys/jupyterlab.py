"""A learner's JupyterLab in the browser: its notebook run by hand, and its files read and written from its own page."""

import json
from typing import Any

from playwright.sync_api import Page, expect

# As JupyterLab itself does it: the address from the page's data, the token against forged requests from its cookie.
# A notebook that is read while it is being written is answered with 400: it is read again.
CALL = """async ([method, path, body]) => {
  const config = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)[1];
  const ask = () => fetch(config.baseUrl + "api/contents/" + path, {
    method, body, headers: {"Content-Type": "application/json", "X-XSRFToken": token},
  });
  let answer = await ask();
  for (let tries = 1; method === "GET" && answer.status === 400 && tries < 10; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    answer = await ask();
  }
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
  return await answer.json();
}"""

# JupyterLab drops a run that is pressed while it still joins the kernel; a person presses again.
RUN_AGAIN_AFTER = (15, 15, 30)


def wait_for_notebook(page: Page, name: str) -> None:
    """The notebook is open and its kernel is idle."""
    expect(page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")).to_be_visible()
    expect(page.get_by_role("tab", name=name)).to_be_visible()
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible()


def run_new_cell(page: Page, source: str, output: str) -> None:
    """Put a cell under the first one, run it on the kernel, see what it prints, and save."""
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    cell = page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    cell.locator(".cm-content").click()
    expect(page.locator(".jp-Notebook.jp-mod-editMode")).to_be_visible()
    page.keyboard.insert_text(source)
    expect(cell.locator(".cm-content")).to_have_text(source)
    written = page.locator(".jp-Notebook .jp-CodeCell", has_text=source).first
    for seconds in RUN_AGAIN_AFTER:
        written.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        try:
            expect(page.locator(".jp-OutputArea-output", has_text=output).first).to_be_visible(
                timeout=seconds * 1000
            )
        except AssertionError:
            continue
        break
    expect(page.locator(".jp-OutputArea-output", has_text=output).first).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)


def read_notebook(page: Page, path: str) -> dict[str, Any]:
    model: dict[str, Any] = page.evaluate(CALL, ["GET", path, None])
    content: dict[str, Any] = model["content"]
    return content


def read_text(page: Page, path: str) -> str:
    model: dict[str, Any] = page.evaluate(CALL, ["GET", path, None])
    return str(model["content"])


def write_notebook(page: Page, path: str, notebook: dict[str, Any]) -> None:
    body = json.dumps({"type": "notebook", "format": "json", "content": notebook})
    page.evaluate(CALL, ["PUT", path, body])


def solve(notebook: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the author's solution in each cell that a learner fills in."""
    solutions = {
        cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"])
        for cell in source["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    cells = [
        {
            **cell,
            "source": solutions.get(cell["metadata"].get("nbgrader", {}).get("grade_id"), cell["source"]),
        }
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}
