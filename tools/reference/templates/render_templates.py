"""Renders the chat templates of a folder with transformers and records the results.

    python render_templates.py loader/src/test/resources/templates

For each NAME.jinja writes NAME.json: a list of {variables, add_generation_prompt, rendered | error}. Needs
transformers 4.57 and jinja2 3.1.
"""

import json
import pathlib
import sys

from transformers.utils.chat_template_utils import _compile_jinja_template

TOOL = {
    "type": "function",
    "function": {
        "name": "find_objects",
        "description": "Finds <things> & \"stuff\" in 'images' — é猫",
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}, "limit": {"type": "integer", "default": 3}}, "required": []},
    },
}
CALL = {"type": "function", "function": {"name": "find_objects", "arguments": {"what": "red car's", "limit": 2, "min": 0.5, "deep": {"a": [True, None]}}}}

TEXT = [
    [{"role": "user", "content": "Hello!"}],
    [{"role": "system", "content": " You are terse. "}, {"role": "user", "content": "Hi\nthere  "}],
    [{"role": "user", "content": "  What is it?\n"}, {"role": "assistant", "content": "A cat. "}, {"role": "user", "content": "你好 <b> & 'q'"}],
    [
        {"role": "system", "content": "S"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"}, {"role": "assistant", "content": "<think>\nwhy\n</think>\n\nd"},
    ],
    [
        {"role": "user", "content": "think"}, {"role": "assistant", "content": "<think>one</think>two"},
        {"role": "user", "content": "more"}, {"role": "assistant", "content": "x", "reasoning_content": "\nr\n"},
    ],
    [{"role": "assistant", "content": "first"}, {"role": "user", "content": "second"}],
]
PARTS = [
    [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}],
    [
        {"role": "system", "content": "Look closely."},
        {"role": "user", "content": [{"type": "image", "url": "a.png"}, {"type": "image"}, {"type": "text", "text": "Compare."}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Same."}]},
        {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "And "}, {"type": "text", "text": "this?"}]},
    ],
]
TOOLS = [
    [
        {"role": "system", "content": "Use tools."}, {"role": "user", "content": "Find cars."},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "[1, 2]"}, {"role": "assistant", "content": "Two."},
    ],
    [{"role": "user", "content": "Find."}, {"role": "assistant", "content": "Wait.", "tool_calls": [CALL, CALL]}, {"role": "tool", "content": {"n": 1.0}}, {"role": "tool", "content": "b"}],
]


def conversations(name):
    for messages in TEXT:
        yield dict(messages=messages)
    if name.startswith(("internvl", "blocks")):
        for messages in PARTS:
            yield dict(messages=messages)
    if name == "ledger":
        for messages in TOOLS:
            yield dict(messages=messages, tools=[TOOL, TOOL["function"]])
    if name == "margins":
        yield dict(messages=TEXT[0], margin=False)
    if name == "ledger":
        yield dict(messages=TEXT[0], day="1 Jan 2025")
    yield dict(messages=[])


def render(template, variables, add_generation_prompt):
    return template.render(
        **dict(dict(tools=None, documents=None, bos_token="<s>", eos_token="</s>", unk_token="<unk>"), **variables),
        add_generation_prompt=add_generation_prompt)


def main():
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        template = _compile_jinja_template(path.read_text(encoding="utf-8"))
        results = []
        for variables in conversations(path.stem):
            for prompt in (True, False):
                entry = dict(variables=variables, add_generation_prompt=prompt)
                try:
                    entry["rendered"] = render(template, variables, prompt)
                except Exception as e:
                    entry["error"] = str(e)
                results.append(entry)
        path.with_suffix(".json").write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(path.stem, len(results), sum("error" in r for r in results))


if __name__ == "__main__":
    main()
