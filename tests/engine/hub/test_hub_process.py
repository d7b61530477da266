def test_x(deployed):
    b = deployed.login("alice")
    print(b.get("/hub/home"))
    print(b.submit("/hub/spawn/alice", profile="large", **{"profile-option-large--memory": "eight"}))
    print(deployed.hub.wait("server", lambda: b.api("GET", "/users/alice").json()["servers"].get("", {}).get("ready")))
    import yaml
    for k in ("pods", "persistentvolumeclaims"):
        print(yaml.safe_dump(deployed.hub.objects(k)))
    print(b.get("/user/alice/lab"))
    print(deployed.hub._network.log("hub", 100))
