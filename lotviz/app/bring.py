"""The door for files a user brings along: pieces come by POST and go straight to the disk of the session."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import panel as pn
import param
from tornado.web import HTTPError, RequestHandler, stream_request_body

from lotviz.app.failures import attempt
from lotviz.app.inbox import ACCEPTED, LARGEST, LARGEST_PIECE, Inbox
from lotviz.app.look import STYLESHEET

PATH = "bring"
_inboxes: dict[str, Inbox] = {}
_lock = threading.Lock()


def register(inbox: Inbox) -> None:
    """Let files come into an inbox."""
    with _lock:
        _inboxes[inbox.token] = inbox


def forget(inbox: Inbox) -> None:
    """Let nothing more come into an inbox, and delete what is in it."""
    with _lock:
        _inboxes.pop(inbox.token, None)
    inbox.empty()


@stream_request_body
class BringHandler(RequestHandler):
    """Takes one piece of a file: `POST /bring?name=P1.fcs&offset=0&size=1000`, with the token of the session."""

    def initialize(self) -> None:
        """Begin with nothing."""
        self._piece = bytearray()

    def prepare(self) -> None:
        """Refuse what does not come from a page of this server, before any of it is read."""
        origin = urlsplit(self.request.headers.get("Origin", ""))
        if origin.netloc != self.request.host or self._inbox() is None:
            raise HTTPError(403)
        self.request.connection.set_max_body_size(LARGEST_PIECE)

    def data_received(self, chunk: bytes) -> None:
        """Gather the piece."""
        self._piece += chunk

    def post(self) -> None:
        """Write the piece; the answer says whether the file is whole, or what is wrong with it."""
        try:
            offset, size = int(self.get_query_argument("offset")), int(self.get_query_argument("size"))
        except ValueError as error:
            raise HTTPError(400) from error
        inbox, name = self._inbox(), self.get_query_argument("name")
        replaced = name in inbox.names()
        outcome = attempt(lambda: inbox.take(name, bytes(self._piece), offset=offset, size=size))
        if outcome.failure is not None:
            self.set_status(422)
            first = outcome.failure.problems[0]
            self.finish(json.dumps({"problem": f"{first.what} {first.fix}"}))
            return
        self.finish(json.dumps({"whole": outcome.answer, "replaced": bool(outcome.answer and replaced)}))

    def _inbox(self) -> Any:
        with _lock:
            return _inboxes.get(self.request.headers.get("X-Lotviz-Session", ""))


class DropZone(pn.custom.JSComponent):
    """A place to drop files on, or to choose them; shows how far each is, and tells when one is whole."""

    token = param.String("", doc="Known to this page and its session only.")
    path = param.String(PATH, doc="Where pieces are sent.")
    accepted = param.List(list(ACCEPTED), doc="Suffixes.")
    largest = param.Integer(LARGEST, doc="Bytes of all files.")

    _esm = """
    const PIECE = 4 * 1024 * 1024;

    const make = (tag, properties = {}, ...children) => {
      const element = Object.assign(document.createElement(tag), properties);
      element.append(...children);
      return element;
    };

    async function filesOf(transfer) { // a dropped folder stands for the files in it
      const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      if (!entries.length) return [...transfer.files];
      const files = [];
      const walk = async (entry) => {
        if (entry.isFile) files.push(await new Promise((done, fail) => entry.file(done, fail)));
        else {
          const reader = entry.createReader();
          for (;;) {
            const some = await new Promise((done, fail) => reader.readEntries(done, fail));
            if (!some.length) break;
            for (const one of some) await walk(one);
          }
        }
      };
      for (const entry of entries) await walk(entry);
      return files;
    }

    export function render({ model, el }) {
      const input = make("input", { type: "file", multiple: true, accept: model.accepted.join(",") });
      input.setAttribute("aria-label", "Bring files from this computer");
      const words = make("p", {}, "Drop files or a folder here, or ");
      const choose = make("button", { type: "button", textContent: "choose files" });
      const note = make("p", { className: "note" });
      note.textContent = `${model.accepted.join(" ")}, ${(model.largest / 1e9).toFixed(0)} GB in all. ` +
        "They stay on this machine, are seen by this page only and are deleted when it is closed.";
      const list = make("ul");
      const said = make("p", { className: "said" });
      said.setAttribute("role", "status");
      words.append(choose, ".");
      input.hidden = true;
      const zone = make("div", { className: "dropzone" }, words, note, input, list, said);

      const send = async (file, row) => {
        const stop = new AbortController();
        const bar = make("progress", { max: Math.max(file.size, 1), value: 0 });
        bar.setAttribute("aria-label", `Bringing ${file.name}`);
        const button = make("button", { type: "button", textContent: "Stop" });
        button.setAttribute("aria-label", `Stop bringing ${file.name}`);
        button.addEventListener("click", () => stop.abort());
        row.append(bar, button);
        let offset = 0;
        for (;;) {
          const piece = file.slice(offset, offset + PIECE);
          const query = new URLSearchParams({ name: file.name, offset, size: file.size });
          const answer = await fetch(new URL(`${model.path}?${query}`, document.baseURI), {
            method: "POST", body: piece, signal: stop.signal, headers: { "X-Lotviz-Session": model.token },
          });
          const told = await answer.json().catch(() => ({ problem: "The server refused it. Load the page again." }));
          if (!answer.ok) throw new Error(told.problem);
          offset += piece.size;
          bar.value = offset;
          if (told.whole) return told.replaced;
        }
      };

      const bring = async (files) => {
        list.replaceChildren();
        let whole = 0;
        const remarks = [];
        const names = files.map((file) => file.name);
        for (const file of files) {
          const row = make("li", {}, make("span", { textContent: file.name }));
          list.append(row);
          said.textContent = `Bringing ${file.name} (${whole + 1} of ${files.length})`;
          try {
            if (names.indexOf(file.name) !== names.lastIndexOf(file.name)) {
              throw new Error("Several files have this name. Rename them, or bring one folder at a time.");
            }
            if (await send(file, row)) remarks.push(`${file.name} replaced the one that was here.`);
            row.remove();
            whole += 1;
          } catch (error) {
            const reason = error.name === "AbortError" ? "Stopped." : error.message;
            row.replaceChildren(make("b", { textContent: file.name }), ` ${reason}`);
            row.className = "problem";
          }
        }
        said.textContent = files.length ? `${whole} of ${files.length} files are here. ${remarks.join(" ")}` : "";
        const goOn = () => model.send_msg({ brought: whole });
        if (whole === files.length && !remarks.length) goOn();
        else if (whole) { // what was refused stays to be read
          const button = make("button", { type: "button", textContent: `Go on with ${whole} of them` });
          button.addEventListener("click", goOn);
          said.append(" ", button);
        }
      };

      choose.addEventListener("click", () => input.click());
      input.addEventListener("change", () => bring([...input.files]).then(() => { input.value = ""; }));
      for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (event) => {
        event.preventDefault();
        zone.classList.add("over");
      });
      zone.addEventListener("dragleave", () => zone.classList.remove("over"));
      zone.addEventListener("drop", async (event) => {
        event.preventDefault();
        zone.classList.remove("over");
        bring(await filesOf(event.dataTransfer));
      });
      // A file that misses the zone must not take the place of the page.
      const miss = (event) => event.preventDefault();
      for (const kind of ["dragover", "drop"]) window.addEventListener(kind, miss);
      model.on("remove", () => {
        for (const kind of ["dragover", "drop"]) window.removeEventListener(kind, miss);
      });
      el.append(zone);
    }
    """
    _stylesheets = [STYLESHEET]  # noqa: RUF012 - Panel's own name and type

    def __init__(self, when_brought: Callable[[], None], **params: Any) -> None:
        super().__init__(**params)
        self._when_brought = when_brought

    def _handle_msg(self, _message: Any) -> None:
        self._when_brought()
