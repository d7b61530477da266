import yaml
from tests.engine.hub.normal import normal
def test_dump(deployed):
    b = deployed.login("alice")
    pod = deployed.spawn(b, "alice", profile="large", **{"profile-option-large--memory": "eight"})
    (claim,) = deployed.claims("alice")
    open("/tmp/pod.yaml","w").write(yaml.safe_dump(normal(pod), sort_keys=False))
    open("/tmp/claim.yaml","w").write(yaml.safe_dump(normal(claim), sort_keys=False))
    deployed.stop(b, "alice")
