# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A person at the web client."""


class Browser:
    """One person at the web client. The password is the login."""

    def __init__(self, chromium, odoo, login):
        self.odoo = odoo
        self.errors = []
        self._context = chromium.new_context(viewport={"width": 1400, "height": 900})
        self.page = self._context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{odoo.url}/web/login")
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", login)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".o_main_navbar")

    def _on_console(self, message):
        if message.type == "error":
            self.errors.append(f"console: {message.text}")

    def open(self, path, view):
        """Open an action by its path and wait for its view."""
        self.page.goto(f"{self.odoo.url}/odoo/{path}")
        self.page.wait_for_selector(f".o_{view}_view")

    def open_service(self, service):
        self.open(f"mqtt-services/{service.id}", "form")
        # What is true of this page only until it is loaded anew.
        self.page.evaluate("window.isTheSamePage = true")

    def open_tab(self, name):
        self.page.click(f".o_notebook .nav-link:text-is('{name}')")

    def is_same_page(self):
        return self.page.evaluate("window.isTheSamePage === true")

    def button(self, name):
        return self.page.locator(f"button[name={name}]")

    def field(self, name):
        return self.page.locator(f".o_field_widget[name={name}]")

    @property
    def badge(self):
        return self.field("connection_status").locator(".badge")

    def screen_text(self):
        return self.page.inner_text(".o_action_manager")

    def close(self):
        self._context.close()
