import pytest

from mlgate.digests import digest_bytes
from mlgate.errors import UsageError
from mlgate_evidence.subject import normal_url, subject_digests, subject_key


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://Models.Example.com", "https://models.example.com:443"),
        ("https://models.example.com:443/", "https://models.example.com:443"),
        ("http://localhost:8080/v1/", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1?x=1#top", "http://127.0.0.1:8080/v1"),
        ("HTTP://ada:secret@127.0.0.1", "http://127.0.0.1:80"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_two_spellings_of_an_address_are_one_endpoint(written: str, meant: str) -> None:
    assert normal_url(written) == meant
    assert normal_url(meant) == meant


@pytest.mark.parametrize("url", ["", "models.example.com", "ftp://models.example.com", "https://", "http://host:port", "http://[::1"])
def test_what_is_no_address_is_a_usage_error_that_says_how_to_write_one(url: str) -> None:
    with pytest.raises(UsageError, match=r"https://HOST"):
        normal_url(url)


def test_a_release_is_its_digest_and_a_foreign_endpoint_the_digest_of_its_address() -> None:
    release = digest_bytes(b"release")
    assert subject_key(release, "http://127.0.0.1:1") == release
    assert subject_key(None, "http://localhost:1/") == digest_bytes(b"http://127.0.0.1:1")


def test_an_attempt_at_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="neither was given"):
        subject_key(None, None)


def test_the_subjects_of_a_statement_carry_names() -> None:
    release, configuration = digest_bytes(b"release"), digest_bytes(b"configuration")
    assert subject_digests(release, configuration, None) == {"release": release, "configuration": configuration}
    assert subject_digests(release, None, None) == {"release": release}
    assert subject_digests(None, None, "http://host") == {"endpoint": digest_bytes(b"http://host:80")}
