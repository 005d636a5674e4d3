"""A chat model as a searcher: it reads the space and the best results, and its answer contains an architecture.

The arguments are the command of the model, which reads a prompt and prints an answer, such as ``ollama run llama3``;
here ``tail -n 1`` repeats the random architecture at the end of the prompt, which also replaces an unusable answer.
``answers.jsonl`` keeps prompts and answers, so that a run resumes. Run it from the root of the repository::

    nasmeta search nb201/cifar10 --evaluations 9 --searcher-command "python examples/chat_model.py tail -n 1"
"""

import json
import random
import re
import sys
from pathlib import Path
from subprocess import PIPE, run

ANSWERS = Path("answers.jsonl")


def prompt_of(choices, results, example) -> str:
    """Return the prompt: the positions, the best results, and an example of an answer."""
    best = sorted(results, key=lambda result: -result["value"])[:20]
    lines = ["Propose a neural network with a higher value. The choices of each position are:"]
    lines += [f"{name}: {json.dumps(of_position)}" for name, of_position in choices.items()]
    lines += [f"The best of {len(results)} networks so far:"]
    lines += [
        f"{json.dumps(result['architecture'])} has the value {result['value']:.3f}"
        for result in best
    ]
    return "\n".join(
        [*lines, "Answer with one new network, a JSON object such as:", json.dumps(example)]
    )


def architecture_in(answer, choices) -> dict | None:
    """Return the last architecture in an answer, or None."""
    for text in re.findall(r"{[^{}]*}", answer)[::-1]:
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if found.keys() == choices.keys() and all(found[name] in choices[name] for name in choices):
            return found
    return None


if __name__ == "__main__":
    start, results = json.loads(input()), []
    choices = {position["name"]: position["choices"] for position in start["space"]["positions"]}
    rng, model = random.Random(start["seed"]), sys.argv[1:]
    known = dict(map(json.loads, ANSWERS.read_text().splitlines())) if ANSWERS.exists() else {}
    for message in map(json.loads, sys.stdin):
        if message["message"] == "tell":
            results.append(message)
            continue
        example = {name: rng.choice(choices[name]) for name in choices}
        prompt = prompt_of(choices, results, example)
        key = " ".join([*model, prompt])
        if key not in known:
            known[key] = run(model, input=prompt, stdout=PIPE, text=True, check=True).stdout
            with ANSWERS.open("a") as file:
                print(json.dumps([key, known[key]]), file=file)
        print(
            json.dumps({"architecture": architecture_in(known[key], choices) or example}),
            flush=True,
        )
