import pytest

from auth_server.admin import AdminError, add_user, disable_user, list_users
from auth_server.passwords import Passwords, hash_password, is_hash
from auth_server.store.users import UserRecords
from tests.auth_server.world import World

PASSWORD = "correct horse battery"


async def test_a_user_is_made_listed_and_shut_out(world: World) -> None:
    made = await add_user(world.state, "ada", PASSWORD)
    other = await add_user(world.state, "bob", PASSWORD)
    assert await list_users(world.state) == (made, other)
    await disable_user(world.state, "ada")
    assert [user.disabled for user in await list_users(world.state)] == [True, False]
    await disable_user(world.state, "ada", disabled=False)
    assert not (await list_users(world.state))[0].disabled


@pytest.mark.requirement("AS-50")
async def test_a_subject_is_opaque_and_can_be_no_machines(world: World) -> None:
    one = await add_user(world.state, "lovelace", PASSWORD)
    other = await add_user(world.state, "client:lovelace", PASSWORD)
    for user in (one, other):
        assert ":" not in user.subject
        assert "lovelace" not in user.subject
    assert one.subject != other.subject


async def test_a_new_password_keeps_the_subject_and_opens_the_door_again(world: World) -> None:
    first = await add_user(world.state, "ada", PASSWORD)
    await disable_user(world.state, "ada")
    again = await add_user(world.state, "ada", "another password")
    assert (again.subject, again.disabled) == (first.subject, False)
    stored = await UserRecords(world.state).find("ada")
    assert stored is not None
    assert await Passwords().fits("another password", stored.password_hash)
    assert not await Passwords().fits(PASSWORD, stored.password_hash)
    assert len(await list_users(world.state)) == 1


async def test_only_an_argon2id_hash_of_a_password_is_kept(world: World) -> None:
    await add_user(world.state, "ada", PASSWORD)
    stored = await UserRecords(world.state).find("ada")
    assert stored is not None
    assert is_hash(stored.password_hash)
    assert PASSWORD not in repr(stored)
    assert stored.password_hash not in repr(stored)


@pytest.mark.parametrize("name", ["", " ada", "ada ", "a\nda", "a" * 257])
async def test_a_name_that_is_none_is_refused(world: World, name: str) -> None:
    with pytest.raises(AdminError, match="name"):
        await add_user(world.state, name, PASSWORD)


@pytest.mark.parametrize("password", ["", "7 chars", "x" * 257])
async def test_a_password_that_is_too_short_or_too_long_is_refused(world: World, password: str) -> None:
    with pytest.raises(AdminError, match="password"):
        await add_user(world.state, "ada", password)


async def test_nobody_else_is_shut_out(world: World) -> None:
    with pytest.raises(AdminError, match="no user 'ada'"):
        await disable_user(world.state, "ada")


async def test_no_hash_fits_no_password() -> None:
    assert not await Passwords().fits("nobody", None)
    assert not await Passwords().fits("nobody", "$argon2id$broken")
    assert await Passwords().fits("nobody", hash_password("nobody"))
