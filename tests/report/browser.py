"""A headless Chromium, driven over its DevTools protocol: what a page says, shows and asks the network for."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

import websocket

WAIT = 60  # seconds; a busy machine starts a browser slowly


class Browser:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [shutil.which("chromium") or "chromium", "--headless=new", "--disable-gpu", "--hide-scrollbars",
                   "--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-port=0",
                   f"--user-data-dir={self.folder.name}", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.count, self.events = 0, []
        try:
            self.socket = websocket.create_connection(self.page_address(), timeout=WAIT, suppress_origin=True,
                                                      http_no_proxy=["127.0.0.1"])
        except BaseException:
            self.__exit__()
            raise
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def page_address(self):
        place = pathlib.Path(self.folder.name) / "DevToolsActivePort"
        end = time.monotonic() + WAIT
        while not (place.exists() and "\n" in place.read_text()):
            assert self.process.poll() is None, "chromium has ended"
            assert time.monotonic() < end, "chromium does not start"
            time.sleep(0.05)
        port = place.read_text().split("\n")[0]
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        pages = json.load(direct.open(f"http://127.0.0.1:{port}/json/list", timeout=WAIT))
        return next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def call(self, method, **parameters):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.count:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self.events.append(message)

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def open(self, path, width, height, dark=False):
        """A page of a file, drawn at this size."""
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        end = time.monotonic() + WAIT
        while self.evaluate("document.readyState + location.protocol") != "completefile:":
            assert time.monotonic() < end, "the page is not loaded"
            time.sleep(0.02)
        self.settle()

    def settle(self):
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def faults(self):
        """Errors and warnings of the console, exceptions, and requests that leave the page."""
        found = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"])
            if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                found.append(parameters)
            if method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                found.append(parameters["entry"])
            if method == "Network.requestWillBeSent":
                address = parameters["request"]["url"]
                found += [] if address.startswith(("file:", "data:")) else [address]
        return found

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)
        self.settle()

    def picture(self, path, whole=True):
        """A PNG of the window or of all the page; its width and height."""
        shot = base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])
        pathlib.Path(path).write_bytes(shot)
        assert shot.startswith(b"\x89PNG"), shot[:8]
        return int.from_bytes(shot[16:20], "big"), int.from_bytes(shot[20:24], "big")
