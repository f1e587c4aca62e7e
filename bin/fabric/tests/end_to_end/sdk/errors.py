import story
from fabric_platform.errors import (
    FabricAuthError,
    FabricConflictError,
    FabricError,
    FabricForbiddenError,
    FabricNotFoundError,
    FabricValidationError,
)
from story import PASSWORD, client, developer, new_email, raises


def each_status_has_its_class_a_code_and_a_sentence():
    fabric, email = developer(), new_email()
    client().auth.signup(email, PASSWORD)
    fabric.admin.bootstrap()
    cases = [
        (400, FabricValidationError, "invalid_email", lambda: client().auth.signup("no address", PASSWORD)),
        (401, FabricAuthError, "unauthorized", lambda: client().organizations.list()),
        (401, FabricAuthError, "unauthorized", lambda: client(api_key="fab_12345678_nonsense").me.get()),
        (403, FabricForbiddenError, "bootstrap_closed", lambda: developer().admin.bootstrap()),
        (404, FabricNotFoundError, "not_found", lambda: fabric.apps.get("550e8400-e29b-41d4-a716-446655440000")),
        (404, FabricNotFoundError, "not_found", lambda: fabric.apps.get("no-id")),
        (409, FabricConflictError, "email_taken", lambda: client().auth.signup(email, PASSWORD)),
        (400, FabricValidationError, "unknown_app", lambda: client(app_client_id="foc_x").auth.login(email, PASSWORD)),
    ]
    for status, kind, code, call in cases:
        with raises(kind, code) as caught:
            call()
        error = caught.error
        assert error.status_code == status
        assert str(error).endswith("."), error
        assert error.request_id == error.response.headers["x-request-id"]


def each_answer_has_an_id_of_its_own():
    seen = set()
    for _ in range(3):
        with raises(FabricAuthError) as caught:
            client().me.get()
        seen.add(caught.error.request_id)
    assert len(seen) == 3


def what_is_not_built_is_not_found_in_the_envelope():
    with raises(FabricNotFoundError, "not_found"):
        developer().galleries.list()


def every_error_is_a_fabric_error():
    try:
        client().me.get()
    except FabricError as error:
        assert error.code == "unauthorized"


story.tell(dict(globals()))
