"""Ending a person's log-ins at the hub: every browser of theirs, and nothing that runs."""

from datetime import UTC, datetime, timedelta

from jupyterhub import orm
from sqlalchemy.orm import Session

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


def as_utc(moment: datetime) -> datetime:
    """A time of the hub's database, which keeps no zone: it is always UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
