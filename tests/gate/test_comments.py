"""One comment a request, rewritten at each push: against a server that keeps comments."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from greendapt.core.errors import GreendaptError
from greendapt.gate.comments import comment


class Kept(BaseHTTPRequestHandler):
    """GitHub's and GitLab's comments, as far as they are used."""

    def do_GET(self):
        page = int(self.path.rpartition("=")[2])
        self._answer(self.server.comments[100 * (page - 1) : 100 * page])

    def do_POST(self):
        body = self._body()
        self.server.comments.append({"id": len(self.server.comments), **body})
        self._answer(body)

    def do_PATCH(self):
        self.server.comments[int(self.path.rpartition("/")[2])].update(self._body())
        self._answer({})

    def do_PUT(self):
        self.do_PATCH()

    def _body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, value):
        self.server.asked.append((self.command, self.path.partition("?")[0], dict(self.headers)))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Kept) as server:
        server.comments, server.asked, server.status = [], [], 200
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def jobs(server):
    """The variables of a job, by host."""
    at = f"http://127.0.0.1:{server.server_port}"
    return {
        "GitHub": {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": at,
            "GITHUB_REPOSITORY": "we/nets",
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_TOKEN": "secret",
        },
        "GitLab": {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": at,
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "7",
            "GITLAB_TOKEN": "secret",
        },
    }


@pytest.mark.parametrize(
    ("host", "path", "token"),
    [
        ("GitHub", "/repos/we/nets/issues/7/comments", ("Authorization", "Bearer secret")),
        ("GitLab", "/projects/12/merge_requests/7/notes", ("PRIVATE-TOKEN", "secret")),
    ],
)
def test_a_second_push_rewrites_the_comment_of_the_first(server, jobs, host, path, token):
    server.comments += [{"id": number, "body": "from somebody"} for number in range(130)]
    comment("pass", "check", jobs[host])
    comment("regression", "check", jobs[host])
    comment("pass", "tests", jobs[host])
    own = [one["body"] for one in server.comments[130:]]
    assert own == ["<!-- greendapt check -->\nregression", "<!-- greendapt tests -->\npass"]
    assert server.asked[0][:2] == ("GET", path)
    keys = {name.lower(): value for name, value in server.asked[0][2].items()}
    assert keys[token[0].lower()] == token[1]


def test_a_comment_is_cut_where_the_server_would_refuse_it(server, jobs):
    comment("x" * 100_000, "check", jobs["GitHub"])
    assert len(server.comments[0]["body"]) < 65_536
    assert server.comments[0]["body"].endswith("(cut: the job has all of it)")


def test_what_stands_in_the_way_is_said_and_no_token_with_it(server, jobs):
    server.status = 403
    with pytest.raises(GreendaptError, match=r"refused: 403 .*may not write comments") as found:
        comment("pass", "check", jobs["GitHub"])
    assert "secret" not in str(found.value)
    for missing, said in [
        ("GITHUB_TOKEN", "GITHUB_TOKEN is not set"),
        ("GITHUB_REF", "for no pull request"),
        ("GITHUB_ACTIONS", "no job of GitHub or GitLab"),
    ]:
        with pytest.raises(GreendaptError, match=said):
            comment("pass", "check", {k: v for k, v in jobs["GitHub"].items() if k != missing})
