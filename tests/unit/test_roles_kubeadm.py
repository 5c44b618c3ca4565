# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import kubeadm_config

TOKEN = "abcdef.0123456789abcdef"
HASHES = ["sha256:" + "a" * 64, "sha256:" + "b" * 64]
SETTINGS = {
    "name": "controlplane",
    "address": "192.168.56.10",
    "kubernetes_version": "1.37.2",
    "cluster_name": "kubernetes",
    "pod_cidr": "10.244.0.0/16",
    "service_cidr": "10.96.0.0/12",
    "cri_socket": "unix:///run/containerd/containerd.sock",
    "schedulable": False,
    "ignore_preflight_errors": [],
    "kubelet_config": {},
    "kube_proxy_config": {},
}


def init(**changes):
    return {item["kind"]: item for item in kubeadm_config.init_documents(**SETTINGS | changes)}


def join(**changes):
    settings = {
        "name": "node-1",
        "address": "192.168.56.11",
        "endpoint": "192.168.56.10:6443",
        "token": TOKEN,
        "ca_cert_hashes": HASHES,
        "cri_socket": SETTINGS["cri_socket"],
        "ignore_preflight_errors": [],
        "timeout": 90,
    }
    return kubeadm_config.join_document(**settings | changes)


def test_everything_is_bound_to_the_node_address():
    documents = init()
    assert documents["InitConfiguration"]["localAPIEndpoint"]["advertiseAddress"] == "192.168.56.10"
    assert documents["ClusterConfiguration"]["apiServer"]["certSANs"] == ["192.168.56.10", "controlplane"]
    for document, address in ((documents["InitConfiguration"], "192.168.56.10"), (join(), "192.168.56.11")):
        assert document["nodeRegistration"]["kubeletExtraArgs"] == [{"name": "node-ip", "value": address}]


def test_both_families_are_the_nodes_and_the_first_is_the_api_servers():
    both = "192.168.56.10,fd00:56::a"
    documents = init(address=both, pod_cidr="10.244.0.0/16,fd00:244::/56", service_cidr="10.96.0.0/12,fd00:96::/112")
    assert documents["InitConfiguration"]["localAPIEndpoint"]["advertiseAddress"] == "192.168.56.10"
    cluster = documents["ClusterConfiguration"]
    assert cluster["apiServer"]["certSANs"] == ["192.168.56.10", "fd00:56::a", "controlplane"]
    assert cluster["networking"] == {
        "podSubnet": "10.244.0.0/16,fd00:244::/56", "serviceSubnet": "10.96.0.0/12,fd00:96::/112"}
    for document in (documents["InitConfiguration"], join(address=both)):
        assert document["nodeRegistration"]["kubeletExtraArgs"] == [{"name": "node-ip", "value": both}]


def test_no_token_stands_in_the_init_configuration_and_the_unused_one_is_short_lived():
    (token,) = init()["InitConfiguration"]["bootstrapTokens"]
    assert "token" not in token
    assert token["ttl"] == "1m0s"


def test_the_taint_is_left_to_kubeadm_unless_the_host_takes_pods():
    assert "taints" not in init()["InitConfiguration"]["nodeRegistration"]
    assert init(schedulable=True)["InitConfiguration"]["nodeRegistration"]["taints"] == []


def test_preflight_errors_are_ignored_only_when_asked_for():
    assert "ignorePreflightErrors" not in init()["InitConfiguration"]["nodeRegistration"]
    for document in (
        init(ignore_preflight_errors=["SystemVerification"])["InitConfiguration"],
        join(ignore_preflight_errors=["SystemVerification"]),
    ):
        assert document["nodeRegistration"]["ignorePreflightErrors"] == ["SystemVerification"]


def test_component_configurations_are_merged_over_the_defaults():
    documents = init(
        kubelet_config={"failCgroupV1": False, "kubeReserved": {"cpu": "1"}},
        kube_proxy_config={"conntrack": {"min": 0}},
    )
    assert documents["KubeletConfiguration"]["cgroupDriver"] == "systemd"
    assert documents["KubeletConfiguration"]["failCgroupV1"] is False
    assert documents["KubeProxyConfiguration"]["conntrack"] == {"min": 0}


def test_merge_goes_deep_and_changes_neither_side():
    base, over = {"a": {"b": 1, "c": [1]}, "d": 1}, {"a": {"c": [2]}, "d": {"e": 1}}
    assert kubeadm_config.merge(base, over) == {"a": {"b": 1, "c": [2]}, "d": {"e": 1}}
    assert base == {"a": {"b": 1, "c": [1]}, "d": 1}


def test_a_join_trusts_only_the_given_certificate_authorities():
    token = join()["discovery"]["bootstrapToken"]
    assert token == {"token": TOKEN, "apiServerEndpoint": "192.168.56.10:6443", "caCertHashes": HASHES}
    assert join()["timeouts"]["discovery"] == "90s"


def printed(*hashes):
    pins = " ".join(f"--discovery-token-ca-cert-hash {item}" for item in hashes)
    return f"kubeadm join 192.168.56.10:6443 --token {TOKEN} {pins} \n"


@pytest.mark.parametrize("hashes", [HASHES[:1], HASHES])
def test_credentials_are_read_from_the_join_command(hashes):
    assert kubeadm_config.join_credentials(printed(*hashes)) == {
        "token": TOKEN,
        "token_id": "abcdef",
        "ca_cert_hashes": hashes,
        "endpoint": "192.168.56.10:6443",
    }


def test_a_join_command_over_two_lines_is_read_as_well():
    assert kubeadm_config.join_credentials(printed(HASHES[0]).replace(" --discovery", " \\\n\t--discovery"))


@pytest.mark.parametrize(
    ("text", "missing"),
    [("", "no token"), (printed(), "no CA certificate hash"), (printed(HASHES[0]).replace(":6443", ""), "endpoint")],
)
def test_what_is_missing_is_named_and_the_token_never(text, missing):
    with pytest.raises(kubeadm_config.KubeadmError, match=missing) as error:
        kubeadm_config.join_credentials(text)
    assert TOKEN not in str(error.value)


# --- a user's own parts -------------------------------------------------------------------------------------------


def with_extras(**extras):
    documents = kubeadm_config.init_documents(**SETTINGS)
    return {item["kind"]: item for item in kubeadm_config.with_extras(documents, extras)}


def arguments(document):
    return [(item["name"], item["value"]) for item in document["nodeRegistration"]["kubeletExtraArgs"]]


def test_a_kubelet_argument_of_the_user_stands_beside_the_node_ip():
    extra = {"nodeRegistration": {"kubeletExtraArgs": [{"name": "v", "value": "4"}]}}
    assert arguments(with_extras(InitConfiguration=extra)["InitConfiguration"]) == [
        ("node-ip", "192.168.56.10"),
        ("v", "4"),
    ]
    (joined,) = kubeadm_config.with_extras([join()], {"JoinConfiguration": extra})
    assert arguments(joined) == [("node-ip", "192.168.56.11"), ("v", "4")]


def test_arguments_are_replaced_by_name_with_all_their_repeats_and_others_stay_in_order():
    def args(*pairs):
        return {"extraArgs": [{"name": name, "value": value} for name, value in pairs]}

    base = args(("a", "1"), ("b", "1"), ("b", "2"), ("c", "1"))
    assert kubeadm_config.merge(base, args(("b", "8"), ("b", "9"), ("d", "1"))) == args(
        ("a", "1"), ("c", "1"), ("b", "8"), ("b", "9"), ("d", "1")
    )


def test_names_of_the_certificate_are_added_to_those_of_the_role():
    merged = with_extras(ClusterConfiguration={"apiServer": {"certSANs": ["api.example", "controlplane"]}})
    assert merged["ClusterConfiguration"]["apiServer"]["certSANs"] == ["192.168.56.10", "controlplane", "api.example"]


def test_another_list_takes_the_place_of_the_roles():
    assert kubeadm_config.merge({"enforceNodeAllocatable": ["pods"]}, {"enforceNodeAllocatable": []}) == {
        "enforceNodeAllocatable": []
    }


@pytest.mark.parametrize(
    ("kind", "extra", "said"),
    [
        ("ClusterConfiguration", {"kubernetesVersion": "v1.36.0"}, "control_plane_cluster_config sets"),
        ("ClusterConfiguration", {"networking": {"podSubnet": "10.9.0.0/16"}}, "set control_plane_pod_cidr"),
        ("InitConfiguration", {"localAPIEndpoint": {"advertiseAddress": "10.0.2.15"}}, "node_address_cidr"),
        ("InitConfiguration", {"bootstrapTokens": []}, "deleted afterwards"),
        ("InitConfiguration", {"patches": {"directory": "/x"}}, "may not be set there: set kubernetes_patches"),
        ("KubeletConfiguration", {"cgroupDriver": "cgroupfs"}, "it must be that of containerd"),
        (
            "InitConfiguration",
            {"nodeRegistration": {"kubeletExtraArgs": [{"name": "node-ip", "value": "10.0.2.15"}]}},
            "sets nodeRegistration.kubeletExtraArgs[node-ip] to 10.0.2.15, but it is 192.168.56.10",
        ),
    ],
)
def test_what_has_a_variable_of_its_own_is_refused_by_that_variable(kind, extra, said):
    with pytest.raises(kubeadm_config.KubeadmError) as error:
        with_extras(**{kind: extra})
    assert said in str(error.value)


def test_the_same_value_again_is_no_problem():
    extra = {"localAPIEndpoint": {"advertiseAddress": "192.168.56.10"}, "apiVersion": "kubeadm.k8s.io/v1beta4"}
    assert kubeadm_config.init_problems(SETTINGS, {"InitConfiguration": extra}) == []


def test_another_api_version_is_refused():
    (problem,) = kubeadm_config.init_problems(SETTINGS, {"InitConfiguration": {"apiVersion": "kubeadm.k8s.io/v1beta3"}})
    assert "v1beta3" in problem
    assert "v1beta4" in problem


@pytest.mark.parametrize("bad", [{"v": "4"}, [{"name": "v", "value": 4}], [{"name": "v"}], "v=4"])
def test_arguments_of_another_shape_are_told_with_an_example(bad):
    (problem,) = kubeadm_config.init_problems(SETTINGS, {"ClusterConfiguration": {"apiServer": {"extraArgs": bad}}})
    assert problem.startswith("control_plane_cluster_config.apiServer.extraArgs must be a list of arguments")


@pytest.mark.parametrize("kind", ["ClusterConfiguration", "InitConfiguration"])
def test_an_addition_that_is_no_mapping_is_told(kind):
    (problem,) = kubeadm_config.init_problems(SETTINGS, {kind: "x"})
    assert "must be a mapping" in problem
    (problem,) = kubeadm_config.init_problems(SETTINGS | {"kubelet_config": ["x"]}, {})
    assert problem.startswith("control_plane_kubelet_config must be a mapping")


def test_a_version_that_is_not_known_yet_is_not_compared():
    extra = {"ClusterConfiguration": {"kubernetesVersion": "v1.37.2"}}
    assert kubeadm_config.init_problems(SETTINGS | {"kubernetes_version": ""}, extra) == []
    assert kubeadm_config.init_problems(SETTINGS, extra) == []


def test_a_join_takes_no_discovery_of_the_user():
    settings = {
        "name": "node-1", "address": "192.168.56.11", "cri_socket": SETTINGS["cri_socket"],
        "ignore_preflight_errors": [], "timeout": 90,
    }
    (problem,) = kubeadm_config.join_problems(settings, {"discovery": {"bootstrapToken": {"token": TOKEN}}})
    assert problem.startswith("worker_join_config sets discovery, but")
    assert TOKEN not in problem
    assert kubeadm_config.join_problems(settings, {"nodeRegistration": {"imagePullSerial": True}}) == []


def test_what_may_be_secret_is_not_repeated_where_it_is_refused():
    problems = [
        *kubeadm_config.init_problems(SETTINGS, {"InitConfiguration": {"bootstrapTokens": [{"token": TOKEN}],
                                                                       "certificateKey": TOKEN}}),
        *kubeadm_config.init_problems(SETTINGS, {"InitConfiguration": f"bootstrapTokens: [{TOKEN}]"}),
        *kubeadm_config.patch_problems({"etcd.yaml": f"a: [{TOKEN}", "kube-apiserver.yaml": TOKEN}),
    ]
    assert len(problems) == 5
    assert TOKEN not in "".join(problems)
    assert "it is no YAML" in problems[3]


TAINT = {"key": "example.org/gpu", "value": "yes", "effect": "NoSchedule"}


def test_taints_are_there_from_the_start_beside_that_of_a_control_plane():
    def taints(document):
        return document["nodeRegistration"].get("taints")

    assert taints(join(taints=[TAINT])) == [TAINT]
    assert taints(join()) is None
    own = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    assert taints(init(taints=[TAINT])["InitConfiguration"]) == [own, TAINT]
    assert taints(init(taints=[TAINT], schedulable=True)["InitConfiguration"]) == [TAINT]


def test_patches_are_looked_for_only_where_there_are_some():
    assert "patches" not in join()
    assert join(patches_directory="/p")["patches"] == {"directory": "/p"}
    assert init(patches_directory="/p")["InitConfiguration"]["patches"] == {"directory": "/p"}


def test_patches_are_files_of_text_or_data():
    assert kubeadm_config.patch_files(
        {
            "kubeletconfiguration+strategic.yaml": {"maxPods": 50},
            "kube-apiserver0+json.json": [{"op": "add"}],
            "etcd.yaml": "metadata: {}\n",
        }
    ) == [
        {"name": "etcd.yaml", "content": "metadata: {}\n"},
        {"name": "kube-apiserver0+json.json", "content": '[\n  {\n    "op": "add"\n  }\n]\n'},
        {"name": "kubeletconfiguration+strategic.yaml", "content": "maxPods: 50\n"},
    ]


def test_patches_of_ansibles_own_types_are_written_as_plain_data():
    own = {kind: type(f"Own{kind.__name__}", (kind,), {}) for kind in (dict, list, str, int)}
    content = own[dict](a=own[list]([own[str]("x"), own[int](61), True, None]))
    (file,) = kubeadm_config.patch_files({"etcd.yaml": content})
    assert file["content"] == "a:\n- x\n- 61\n- true\n- null\n"


@pytest.mark.parametrize("name", ["kubelet.yaml", "etcd+smp.yaml", "etcd", "../etcd.yaml", "etcd.yml", "etcd/x.yaml"])
def test_a_file_that_kubeadm_would_pass_over_is_told(name):
    (problem,) = kubeadm_config.patch_problems({name: {"a": 1}})
    assert repr(name) in problem


@pytest.mark.parametrize(("name", "content"), [("etcd.yaml", []), ("etcd.yaml", ""), ("etcd+json.yaml", {"a": 1}),
                                               ("etcd.yaml", "a: [")])
def test_a_patch_that_says_nothing_is_told(name, content):
    (problem,) = kubeadm_config.patch_problems({name: content})
    assert f"kubernetes_patches['{name}'] must hold a" in problem


def test_the_preflight_checks_that_a_second_init_fails_are_named_by_its_own_configuration():
    documents = kubeadm_config.init_documents(**SETTINGS)
    errors = kubeadm_config.own_preflight_errors(documents)
    assert "FileAvailable--etc-kubernetes-manifests-etcd.yaml" in errors
    assert "DirAvailable--var-lib-etcd" in errors
    assert "Port-6443" in errors
    moved = kubeadm_config.with_extras(documents, {
        "ClusterConfiguration": {"etcd": {"local": {"dataDir": "/srv/etcd"}}},
        "InitConfiguration": {"localAPIEndpoint": {"bindPort": 8443}},
    })
    assert {"DirAvailable--srv-etcd", "Port-8443"} <= set(kubeadm_config.own_preflight_errors(moved))
    assert kubeadm_config.etcd_directory(moved) == "/srv/etcd"
    external = {"etcd": {"external": {"endpoints": []}}}
    elsewhere = kubeadm_config.with_extras(documents, {"ClusterConfiguration": external})
    assert kubeadm_config.etcd_directory(elsewhere) == ""
