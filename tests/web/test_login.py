"""Login, roles, tokens, share links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frazil.app import accounts, credentials, groups
from frazil.app.access import SERVER
from frazil.app.credentials import LOGIN_S
from frazil.app.errors import ConflictError, TooOftenError, UnknownPersonError
from frazil.app.passwords import LoginGuard, LoginLimiter, Passwords
from frazil.model.errors import InputError
from frazil.store.catalogue.schema import api_tokens, logins, share_links, users

from .conftest import PASSWORD, quick_guard

if TYPE_CHECKING:
    from .conftest import Lab


def test_a_person_logs_in_and_out(lab: Lab) -> None:
    browser = lab.browser("ann")
    me = browser.get("/api/me").json()
    assert (me["login"], me["is_admin"], me["roles"]) == ("ann", False, {str(lab.groups["cryo"]): "owner"})
    assert browser.post("/api/logout").status_code == 204
    assert browser.get("/api/me").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts(lab: Lab) -> None:
    answer = lab.browser().post("/api/login", json={"login": "ann", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie


def test_behind_https_the_cookie_is_secure(lab: Lab) -> None:
    url = lab.url.replace("http:", "https:")
    answer = lab.browser().post(
        "/api/login",
        json={"login": "ann", "password": PASSWORD},
        headers={"Origin": url, "X-Forwarded-Proto": "https"},
    )
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("login", ["ann", "nobody"])
def test_a_wrong_login_says_nothing_about_who_exists(lab: Lab, login: str) -> None:
    answer = lab.browser().post("/api/login", json={"login": login, "password": "wrong password"})
    assert answer.status_code == 401
    assert answer.json() == {"error": "not_logged_in", "detail": "login and password don't fit"}


def test_secrets_are_nowhere_in_the_catalogue(lab: Lab) -> None:
    browser = lab.browser("ann")
    secret = next(iter(browser.cookies.values()))
    token = lab.token("ann", "viewer")
    link = browser.post(f"/api/sessions/{lab.mine}/share-links", json={"days": 1}).json()["token"]
    with lab.hub.catalogue.read() as connection:
        stored = str([connection.execute(t.select()).all() for t in (logins, api_tokens, share_links, users)])
    assert all(word not in stored for word in (secret, token, link, PASSWORD))


def test_a_login_ends_when_it_is_not_used(lab: Lab) -> None:
    browser = lab.browser("ann")
    for _ in range(3):
        lab.hub.moved_s += LOGIN_S - 10
        assert browser.get("/api/me").status_code == 200
    lab.hub.moved_s += LOGIN_S + 1
    assert browser.get("/api/me").status_code == 401


def test_disabling_a_user_ends_logins_and_tokens(lab: Lab) -> None:
    browser, program = lab.browser("ann"), lab.program(lab.token("ann", "owner"))
    admin = lab.browser("admin")
    assert program.get("/api/me").status_code == 200
    answer = admin.patch(f"/api/users/{lab.users['ann']}", json={"disabled": True})
    assert answer.json()["disabled"] is True
    assert browser.get("/api/me").status_code == 401
    assert program.get("/api/me").status_code == 401
    refused = lab.browser().post("/api/login", json={"login": "ann", "password": PASSWORD})
    assert refused.json()["detail"] == "login and password don't fit"


def test_a_new_password_needs_the_old_one_and_ends_other_logins(lab: Lab) -> None:
    here, elsewhere = lab.browser("ann"), lab.browser("ann")
    path = f"/api/users/{lab.users['ann']}"
    new = {"password": "another long one"}
    assert here.patch(path, json=new).status_code == 403
    assert here.patch(path, json={**new, "old_password": PASSWORD}).status_code == 200
    assert here.get("/api/me").status_code == 200
    assert elsewhere.get("/api/me").status_code == 401


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "my name is newbie", "x" * 201])
def test_weak_passwords_are_refused(lab: Lab, password: str) -> None:
    answer = lab.browser("admin").post("/api/users", json={"login": "newbie", "password": password})
    assert answer.status_code == 400
    assert "password" in answer.json()["detail"]


def test_nobody_but_admins_changes_others(lab: Lab) -> None:
    ann = lab.browser("ann")
    assert ann.patch(f"/api/users/{lab.users['vera']}", json={"name": "V"}).status_code == 403
    assert ann.patch(f"/api/users/{lab.users['ann']}", json={"is_admin": True}).status_code == 403
    assert ann.patch(f"/api/users/{lab.users['ann']}", json={"name": "Ann"}).json()["name"] == "Ann"


def test_the_last_admin_stays(lab: Lab) -> None:
    admin = lab.browser("admin")
    path = f"/api/users/{lab.users['admin']}"
    assert admin.delete(path).status_code == 409
    assert admin.patch(path, json={"disabled": True}).status_code == 409
    assert admin.patch(path, json={"is_admin": False}).status_code == 409
    assert admin.patch(f"/api/users/{lab.users['ann']}", json={"is_admin": True}).status_code == 200
    assert admin.patch(path, json={"is_admin": False}).status_code == 200
    assert admin.get("/api/users").status_code == 403


def test_roles_can_be_given_and_taken(lab: Lab) -> None:
    admin, bob = lab.browser("admin"), lab.browser("bob")
    member = f"/api/groups/{lab.groups['cryo']}/members/{lab.users['bob']}"
    assert bob.get(f"/api/sessions/{lab.mine}/movies").status_code == 404
    assert admin.put(member, json={"role": "viewer"}).status_code == 204
    assert bob.get(f"/api/sessions/{lab.mine}/movies").status_code == 200
    assert admin.delete(member).status_code == 204
    assert bob.get(f"/api/sessions/{lab.mine}/movies").status_code == 404


def test_a_group_with_sessions_can_not_be_removed(lab: Lab) -> None:
    admin = lab.browser("admin")
    assert admin.delete(f"/api/groups/{lab.groups['cryo']}").status_code == 409
    made = admin.post("/api/groups", json={"name": "empty"}).json()
    assert admin.delete(f"/api/groups/{made['id']}").status_code == 204


def test_brute_force_is_slowed_down_by_login_and_by_address(lab: Lab) -> None:
    browser = lab.browser()
    statuses = []
    for _ in range(8):
        answer = browser.post("/api/login", json={"login": "ann", "password": "guess"})
        statuses.append(answer.status_code)
    assert statuses == [401] * 5 + [429] * 3
    assert int(answer.headers["retry-after"]) >= 1
    # Also the right password has to wait, or it could be guessed by the answer.
    assert browser.post("/api/login", json={"login": "ann", "password": PASSWORD}).status_code == 429
    lab.hub.moved_s += 61
    assert browser.post("/api/login", json={"login": "ann", "password": PASSWORD}).status_code == 200
    many = [browser.post("/api/login", json={"login": f"user{n}", "password": "guess"}) for n in range(25)]
    assert many[0].status_code == 401 and many[-1].status_code == 429


def test_the_wait_after_failures_doubles_and_is_forgotten() -> None:
    limiter = LoginLimiter(free=2, longest_wait_s=8.0, remembered=3)
    now, waits = 0.0, []
    for _ in range(8):
        try:
            limiter.check("ann", now)
        except TooOftenError as error:
            waits.append(error.retry_after_s)
            now += error.retry_after_s
            limiter.check("ann", now)
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    limiter.check("ann", now + 100)
    for name in "abcdefgh":
        limiter.check(name, now)
    assert len(limiter) == 3


def test_a_login_of_nobody_costs_as_much_as_one_of_somebody() -> None:
    passwords = Passwords(time_cost=1, memory_kib=8)
    real, calls = passwords._hasher, []

    class Counting:
        hash = real.hash

        def verify(self, stored: str, password: str) -> bool:
            calls.append(stored)
            return bool(real.verify(stored, password))

    passwords._hasher = Counting()  # type: ignore[assignment]
    assert not passwords.fits(None, "x")
    assert not passwords.fits(passwords.hash("y"), "x")
    assert passwords.fits(passwords.hash("x"), "x")
    assert len(calls) == 3


def test_a_token_does_what_its_scope_says(lab: Lab) -> None:
    viewer, operator = lab.program(lab.token("ann", "viewer")), lab.program(lab.token("ann", "operator"))
    links = f"/api/sessions/{lab.mine}/share-links"
    assert viewer.get(f"/api/sessions/{lab.mine}/movies").status_code == 200
    assert viewer.post(links, json={}).status_code == 403
    assert operator.post(links, json={}).status_code == 201


def test_an_admins_small_token_is_no_admin(lab: Lab) -> None:
    program = lab.program(lab.token("admin", "operator"))
    assert program.get("/api/users").status_code == 403
    assert program.get(f"/api/sessions/{lab.foreign}/movies").status_code == 200
    assert program.post(f"/api/sessions/{lab.foreign}/share-links", json={}).status_code == 201


def test_a_token_of_one_group_reaches_no_other(lab: Lab) -> None:
    program = lab.program(lab.token("admin", "admin", group_id=lab.groups["cryo"]))
    assert program.get(f"/api/sessions/{lab.mine}/movies").status_code == 200
    assert program.get(f"/api/sessions/{lab.foreign}/movies").status_code == 404
    assert program.get("/api/users").status_code == 403
    assert [group["name"] for group in program.get("/api/groups").json()] == ["cryo"]


def test_a_token_makes_none_that_may_do_more_or_lives_longer(lab: Lab) -> None:
    program = lab.program(lab.token("ann", "operator", days=1))
    make = {"name": "more", "scope": "owner"}
    assert program.post("/api/tokens", json=make).status_code == 403
    made = program.post("/api/tokens", json={"name": "same", "scope": "operator"}).json()
    assert made["expires_at"] == pytest.approx(lab.hub.now() + 86400)
    one_group = lab.program(lab.token("admin", "owner", group_id=lab.groups["cryo"]))
    assert one_group.post("/api/tokens", json={"name": "all", "scope": "viewer"}).status_code == 403


def test_tokens_end_by_time_and_by_hand(lab: Lab) -> None:
    browser = lab.browser("ann")
    made = browser.post("/api/tokens", json={"name": "day", "scope": "viewer", "days": 1}).json()
    assert made["token"].startswith("frz_")
    program = lab.program(made["token"])
    assert program.get("/api/me").status_code == 200
    listed = browser.get("/api/tokens").json()
    assert [token["id"] for token in listed] == [made["id"]]
    assert "token" not in listed[0] and listed[0]["last_used_at"] == lab.hub.now()
    lab.hub.moved_s += 86401
    assert program.get("/api/me").status_code == 401
    other = browser.post("/api/tokens", json={"name": "ever", "scope": "viewer"}).json()
    assert lab.browser("bob").delete(f"/api/tokens/{other['id']}").status_code == 404
    assert browser.delete(f"/api/tokens/{other['id']}").status_code == 204
    assert lab.program(other["token"]).get("/api/me").status_code == 401


def test_a_bad_token_is_refused_even_beside_a_good_cookie(lab: Lab) -> None:
    answer = lab.browser("ann").get("/api/me", headers={"Authorization": "Bearer frz_nonsense"})
    assert answer.status_code == 401


def test_a_share_link_shows_one_session_until_it_ends(lab: Lab) -> None:
    made = lab.browser("otto").post(f"/api/sessions/{lab.mine}/share-links", json={"days": 2}).json()
    guest = lab.browser()
    opened = guest.get(made["path"], follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, f"/sessions/{lab.mine}")
    assert guest.get(f"/api/sessions/{lab.mine}/movies").status_code == 200
    assert guest.get(f"/api/sessions/{lab.foreign}/movies").status_code == 404
    assert guest.post(f"/api/sessions/{lab.mine}/share-links", json={}).status_code == 403
    assert guest.get("/api/groups").status_code == 403
    lab.hub.moved_s += 2 * 86400 + 1
    assert guest.get(f"/api/sessions/{lab.mine}/movies").status_code == 401
    assert lab.browser().get(made["path"], follow_redirects=False).status_code == 404


def test_a_share_link_can_be_ended(lab: Lab) -> None:
    otto = lab.browser("otto")
    links = f"/api/sessions/{lab.mine}/share-links"
    made = otto.post(links, json={}).json()
    guest = lab.browser()
    guest.get(made["path"], follow_redirects=False)
    assert [link["id"] for link in otto.get(links).json()] == [made["id"]]
    assert otto.delete(f"{links}/{made['id']}").status_code == 204
    assert guest.get(f"/api/sessions/{lab.mine}/movies").status_code == 401


def test_changes_stand_in_the_audit_log_without_secrets(lab: Lab) -> None:
    from frazil.store.catalogue import audit

    lab.browser("admin").patch(f"/api/users/{lab.users['vera']}", json={"password": "a better password"})
    lab.browser("ann").post("/api/tokens", json={"name": "plot", "scope": "viewer"})
    with lab.hub.catalogue.read() as connection:
        rows = audit.listed(connection)
    assert {("admin", "password changed"), ("ann", "token added")} <= {(r["who"], r["what"]) for r in rows}
    assert "better password" not in str(rows) and "frz_" not in str(rows)


class TestWithoutUsers:
    """A fresh server on loopback."""

    @pytest.fixture(autouse=True)
    def _nobody(self, lab: Lab) -> None:
        with lab.hub.catalogue.write() as connection:
            connection.execute(users.delete())

    def test_the_printed_link_works_once(self, lab: Lab) -> None:
        secret = credentials.one_time_secret(lab.hub)
        browser = lab.browser()
        opened = browser.get("/api/start", params={"token": secret}, follow_redirects=False)
        assert (opened.status_code, opened.headers["location"]) == (303, "/")
        assert browser.get("/api/me").json()["is_admin"] is True
        again = lab.browser().get("/api/start", params={"token": secret}, follow_redirects=False)
        assert again.status_code == 401

    def test_the_link_ends_after_an_hour_and_is_no_token(self, lab: Lab) -> None:
        secret = credentials.one_time_secret(lab.hub)
        assert secret is not None
        assert lab.program(secret).get("/api/me").status_code == 401
        lab.hub.moved_s += 3601
        with pytest.raises(UnknownPersonError):
            credentials.use_one_time_secret(lab.hub, secret)

    def test_a_newer_link_ends_the_older_one(self, lab: Lab) -> None:
        first, second = credentials.one_time_secret(lab.hub), credentials.one_time_secret(lab.hub)
        assert first and second
        with pytest.raises(UnknownPersonError):
            credentials.use_one_time_secret(lab.hub, first)
        assert credentials.use_one_time_secret(lab.hub, second)

    def test_with_an_account_there_is_no_link_any_more(self, lab: Lab) -> None:
        secret = credentials.one_time_secret(lab.hub)
        assert secret is not None
        browser = lab.browser()
        browser.get("/api/start", params={"token": secret}, follow_redirects=False)
        made = browser.post("/api/users", json={"login": "eve", "password": PASSWORD, "is_admin": True})
        assert made.status_code == 201
        assert credentials.one_time_secret(lab.hub) is None
        assert browser.get("/api/me").status_code == 401

    def test_the_command_line_has_a_token_that_changes_at_every_start(self, lab: Lab) -> None:
        first = credentials.own_token(lab.hub)
        second = credentials.own_token(lab.hub)
        assert lab.program(first).get("/api/me").status_code == 401
        assert lab.program(second).get("/api/users").status_code == 200

    def test_nobody_takes_the_local_account_away(self, lab: Lab) -> None:
        credentials.own_token(lab.hub)
        with lab.hub.catalogue.read() as connection:
            local = connection.execute(users.select()).one().id
        with pytest.raises(ConflictError):
            accounts.remove_user(lab.hub, SERVER, local)
        with pytest.raises(ConflictError):
            accounts.change_user(lab.hub, SERVER, local, disabled=True)

    def test_other_addresses_demand_an_admin_with_a_password(self, lab: Lab) -> None:
        credentials.check_address(lab.hub)
        lab.hub.config = lab.hub.config.model_copy(update={"host": "0.0.0.0"})
        with pytest.raises(InputError, match="frazil users add"):
            credentials.check_address(lab.hub)
        accounts.add_user(lab.hub, SERVER, quick_guard(), login="eve", password=PASSWORD, is_admin=True)
        credentials.check_address(lab.hub)


def test_a_browser_keeps_share_links_of_several_sessions(lab: Lab) -> None:
    guest = lab.browser()
    for owner, session in (("ann", lab.mine), ("bob", lab.foreign)):
        made = lab.browser(owner).post(f"/api/sessions/{session}/share-links", json={}).json()
        guest.get(made["path"], follow_redirects=False)
    assert guest.get("/api/me").json()["shared_sessions"] == [lab.mine, lab.foreign]


def test_an_ordinary_guard_takes_its_time() -> None:
    stored = LoginGuard().passwords.hash("something long")
    assert stored.startswith("$argon2id$") and "m=32768" in stored


def test_group_names_are_unique(lab: Lab) -> None:
    with pytest.raises(InputError, match="already"):
        groups.add_group(lab.hub, SERVER, "cryo")
