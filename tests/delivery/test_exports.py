from mlgate_delivery.exports import process_environment


def test_an_engine_of_ours_gets_nothing_that_would_win_over_the_environments_own_stack_and_passphrase(monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another stack's")
    monkeypatch.setenv("PULUMI_STACK", "prod")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    ours = {"PULUMI_CONFIG_PASSPHRASE_FILE": "/passphrase"}
    given = process_environment(ours)
    assert given.items() > ours.items()
    assert given["HTTPS_PROXY"] == "http://proxy"
    assert not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_STACK"} & given.keys()
