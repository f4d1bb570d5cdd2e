"""A factory's file for tests, and one with something in it changed."""

from pathlib import Path

from deploy.jupyterhub.slurm.factory_file import FactoryFile

TEXT = """
[slurm]
access = "local"
pace_seconds = 15
accounts = ["project_465000001"]
qos = ["course"]
reservations = ["AI_workshop[0-9]*"]

[nodes]
python = "/opt/lab/bin/python"
files = "/opt/paja/learner"
hub_api_url = "http://10.0.0.1:8081/hub/api"

[unix]
own = "lumi[a-z0-9]{2,8}"
pool = ["train01", "train02"]
robot = { name = "robot1" }
become = ["sudo", "-n", "-u", "{unix_account}", "--"]

[grading]
partition = "small-g"
flavour = "gcd-1"
minutes = 60
account = "project_465000001"
unix_account = "grader"
python = "/opt/platform/bin/python"
project = "/opt/project"
environment = { PAJA_RUNNER_BOXES = "1" }

[[partitions]]
name = "small-g"
minutes_max = 4320

[[partitions.flavours]]
slug = "gcd-1"
gres = "gpu:1"
gpus = 1
gpu_name = "AMD MI250X"
gpu_memory_gb = 64
cores = 7
memory_gb = 60
minutes_max = 480
weight = 0.5

[[partitions]]
name = "interactive"
minutes_max = 480

[[partitions.flavours]]
slug = "cpu"
gpus = 0
cores = 4
memory_gb = 8
weight = 0
"""
FIRECREST = """
[slurm.firecrest]
url = "https://firecrest.example.org"
system = "lumi"
token_url = "https://firecrest.example.org/token"
client_id = "paja-hub"
client_secret_file = "/etc/paja/firecrest"

[nodes]"""
ISOLATION = 'robot = { name = "robot1", isolation = ["/opt/isolate", "{root}", "--"] }'


def read_factory(folder: Path, *changes: tuple[str, str]) -> FactoryFile:
    """The file above with each of `changes`, which must be there to be changed."""
    text = TEXT
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "factory.toml"
    path.write_text(text)
    return FactoryFile.read(path)


def read_shared(folder: Path) -> FactoryFile:
    """A factory whose robot keeps several people apart."""
    return read_factory(folder, ('robot = { name = "robot1" }', ISOLATION))


def read_of_firecrest(folder: Path) -> FactoryFile:
    """A factory whose hub stands outside the site, as the client whose account is `robot01`."""
    grading = TEXT[TEXT.index("[grading]") : TEXT.index("[[partitions]]")]
    return read_factory(
        folder,
        ('access = "local"', 'access = "firecrest"'),
        ("\n[nodes]", FIRECREST),
        ('own = "lumi[a-z0-9]{2,8}"\npool = ["train01", "train02"]\n', ""),
        ('"robot1"', '"robot01"'),
        (grading, ""),
    )
