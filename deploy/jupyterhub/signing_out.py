"""Ending a person's log-ins at the hub: every browser of theirs, and nothing that runs."""

import asyncio
from datetime import UTC, datetime, timedelta

from jupyterhub import orm
from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from sqlalchemy.orm import Session
from tornado.log import app_log
from tornado.simple_httpclient import SimpleAsyncHTTPClient

TELL_SECONDS = 5.0
ANSWER_BYTES = 16 * 1024
HUB_CLIENT = "jupyterhub"  # the client of the tokens that the hub itself gives, each server's own among them


def end_log_ins(db: Session, user: orm.User, *, seconds_ago: float = 0) -> int:
    """Refuse every browser in which the person was logged in `seconds_ago`; the number of tokens deleted.

    The hub's cookie is refused because the value that it carries is replaced. What browsers got for a server is
    deleted. A server's own token is not: it, its kernels and Paja's files go on. Log-ins since then stay, so
    that a sign-out which comes late, after an outage, takes nobody's open notebook away.
    """
    then = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    user.cookie_id = orm.new_token()
    tokens = [
        token
        for token in db.query(orm.APIToken).filter(
            orm.APIToken.user_id == user.id, orm.APIToken.client_id != HUB_CLIENT
        )
        if as_utc(token.created) <= then
    ]
    codes = db.query(orm.OAuthCode).filter(orm.OAuthCode.user_id == user.id).all()
    for each in (*tokens, *codes):
        db.delete(each)
    db.commit()
    return len(tokens)


def end_browser_session(db: Session, user: orm.User, session_id: str) -> None:
    """Delete what one browser got for the person's servers; their other browsers stay logged in."""
    for token in db.query(orm.APIToken).filter(
        orm.APIToken.user_id == user.id, orm.APIToken.session_id == session_id
    ):
        db.delete(token)
    db.commit()


async def tell_servers(user: User) -> None:
    """Tell the person's servers to forget whom they know, which they would do by themselves half a minute later."""
    ready = [spawner for spawner in user.spawners.values() if spawner.ready]
    await asyncio.gather(*(tell_server(user, spawner) for spawner in ready))


async def tell_server(user: User, spawner: Spawner) -> None:
    """Once, and shortly: what answers there is the learner's own, and its answer is nothing to us."""
    scope = f"access:servers!server={user.name}/{spawner.name}"
    token = user.new_api_token(note="sign-out", expires_in=60, scopes=[scope])
    client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=ANSWER_BYTES)
    try:
        asked = client.fetch(
            f"{spawner.server.url}paja/signed-out",
            method="POST",
            body="",
            headers={"Authorization": f"token {token}"},
            follow_redirects=False,
            decompress_response=False,
            request_timeout=TELL_SECONDS,
        )
        await asyncio.wait_for(asked, TELL_SECONDS)
        app_log.info("%s knows of the sign-out", spawner.name)
    except Exception as error:  # whatever it does: it forgets by itself
        app_log.warning("%s does not hear of the sign-out: %s", spawner.name, type(error).__name__)
    finally:
        client.close()
        found = orm.APIToken.find(user.db, token)
        if found is not None:
            user.db.delete(found)
            user.db.commit()


def as_utc(moment: datetime) -> datetime:
    """A time of the hub's database, which keeps no zone: it is always UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
