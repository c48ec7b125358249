"""Makes parity cases from image files and questions to ids, in the transformers layout.

Usage: python make_conversation.py OUT
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers as hf
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import language
import make_chat
import parity

TEXT = [
    "What is on the table? There are two cups and a plate.",
    "How many windows are there in the house? The house has four windows.",
    "Please describe the image. The image shows a red boat on the water.",
    "Compare the two images. Which one is darker? The second one, because it is night.",
]
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|pad|>", "<s>", "<img>", "</img>", "<IMG_CONTEXT>",
           "<video>"]
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n'}}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}"
    "{% elif content['type'] == 'video' %}{{ '<video>\n' }}"
    "{% elif content['type'] == 'text' %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{{'<|im_end|>\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{'<|im_start|>assistant\n' }}{% endif %}"
)


def tokenizer(bos):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=340, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator(TEXT, trainer)
    t.add_special_tokens([AddedToken(s, normalized=False, special=True) for s in SPECIAL])
    if bos:
        t.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", t.token_to_id("<s>"))])
    names = dict(eos_token="<|im_end|>", pad_token="<|pad|>")
    if bos:
        names["bos_token"] = "<s>"
    extra = dict(start_image_token="<img>", end_image_token="</img>",
                 context_image_token="<IMG_CONTEXT>", video_token="<video>")
    return hf.PreTrainedTokenizerFast(tokenizer_object=t, extra_special_tokens=extra, **names)


def picture(seed, width, height):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([128 + 90 * np.sin(x / (4 + c) + seed) * np.cos(y / (7 - c)) for c in range(3)],
                    -1)
    noise = rng.normal(0, 18, base.shape)
    return Image.fromarray(np.clip(base + noise, 0, 255).astype(np.uint8))


class Checkpoint:
    """A chat model with everything that its processor needs."""

    def __init__(self, out, name, family, seed, template=TEMPLATE, bos=False, processor=None, **more):
        self.folder = pathlib.Path(out) / name / "model"
        self.name = name
        self.tokenizer = tokenizer(bos)
        self.tokenizer.chat_template = template
        self.image = self.tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
        text = more.pop("text_settings", {})
        make_chat.IMAGE = self.image
        self.model = make_chat.build(family, seed, vision_settings={"image_size": [28, 28],
                                     "patch_size": [7, 7]},
                                     text_settings={"vocab_size": len(self.tokenizer),
                                                    "eos_token_id": self.tokenizer.eos_token_id,
                                                    **text}, **more)
        self.processor = hf.GotOcr2ImageProcessor(**{**dict(
            size={"height": 28, "width": 28}, crop_to_patches=False, min_patches=1, max_patches=12,
            image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]),
            **(processor or {})})
        self.seed = seed

    def write(self):
        parity.write_model(self.folder, parity.clean(self.model.config), self.model.state_dict())
        self.tokenizer.save_pretrained(self.folder)
        (self.folder / "special_tokens_map.json").unlink(missing_ok=True)
        self.processor.save_pretrained(self.folder)
        (self.folder / "processor_config.json").write_text(
            json.dumps({"image_seq_length": 4, "processor_class": "InternVLProcessor"}))
        (self.folder / "generation_config.json").write_text(
            json.dumps({"eos_token_id": self.tokenizer.eos_token_id}))

    def ids(self, messages, counts):
        """As InternVLProcessor does it."""
        text = self.tokenizer.apply_chat_template(messages, tokenize=False,
                                                  add_generation_prompt=True)
        pieces = text.split("<IMG_CONTEXT>")
        shown = pieces[0]
        for n, piece in zip(counts, pieces[1:], strict=True):
            shown += "<img>" + "<IMG_CONTEXT>" * (4 * n) + "</img>" + piece
        bos = self.tokenizer.bos_token
        special = not (bos is not None and shown.startswith(bos))
        return self.tokenizer(shown, add_special_tokens=special).input_ids

    def case(self, out, name, note, messages, prompt, images=(), history=(), new=12):
        own = name == self.name
        folder = pathlib.Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for i, size in enumerate(images):
            files.append(f"image-{i}.png")
            picture(self.seed + i, *size).save(folder / files[-1])
        counts, pixels = [], None
        if files:
            made = self.processor([Image.open(folder / f) for f in files], crop_to_patches=True,
                                  return_tensors="pt")
            pixels, counts = made["pixel_values"], list(map(int, made["num_patches"]))
        for attempt in range(40):
            asked = prompt + "!" * attempt
            messages[-1]["content"][-1]["text"] = asked
            x = torch.tensor([self.ids(messages, counts)])
            with torch.no_grad():
                kwargs = {"pixel_values": pixels} if files else {}
                r = self.model.generate(input_ids=x, attention_mask=torch.ones_like(x),
                                        do_sample=False, max_new_tokens=new,
                                        eos_token_id=self.tokenizer.eos_token_id,
                                        pad_token_id=0, output_logits=True,
                                        return_dict_in_generate=True, **kwargs)
            got = r.sequences[0, x.shape[1]:]
            leads = [float(t[0] - t[1]) for t in (s[0].topk(2).values for s in r.logits)]
            if min(leads) >= 0.05 and not set(got.tolist()) & {self.image}:
                break
        else:
            raise RuntimeError(name)
        arguments = {"prompt": asked, "max_new_tokens": new, "reference_num_tiles": counts,
                     "reference_input_ids": x[0].tolist()}
        if files:
            arguments["images"] = files
        if history:
            arguments["history"] = list(history)
        source = language.reference("InternVLForConditionalGeneration with "
                                    + type(self.model.model.language_model).__name__, self.seed)
        parity.write_case(out, name, "vlm.generate", source, arguments, {},
                          {"generated_ids": got}, note, exact=["generated_ids"],
                          model=None if own else f"../{self.name}/model")
        if own:
            self.write()


IMAGE = {"type": "image"}


def user(*parts):
    return {"role": "user", "content": [IMAGE if p is IMAGE else {"type": "text", "text": p}
                                        for p in parts]}


def answer(text):
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def main(out):
    c = Checkpoint(out, "talk-two-images", "qwen2", 301)
    c.case(out, "talk-two-images", "two images of one question", [user(IMAGE, IMAGE, "x")],
           "Compare the two images.", [(61, 30), (40, 43)])
    c.case(out, "talk-text", "text alone", [user("x")], "How many windows are there?")
    c.case(out, "talk-tall", "very tall", [user(IMAGE, "x")], "What is it?", [(9, 200)])
    c.case(out, "talk-wide", "very wide", [user(IMAGE, "x")], "What is it?", [(311, 20)])
    c.case(out, "talk-history", "the image belongs to the first question",
           [user(IMAGE, "What is it?"), answer("A red boat."), user("x")], "How many are there?",
           [(50, 37)], history=[["<image>\nWhat is it?", "A red boat."]])
    c.case(out, "talk-history-images", "images in two turns",
           [user(IMAGE, "What is it?"), answer("A red boat."), user(IMAGE, "x")], "And here?",
           [(50, 37), (30, 80)], history=[["<image>\nWhat is it?", "A red boat."]])
    c.case(out, "talk-history-text", "history without images",
           [user("Who are you?"), answer("A cup."), user("Why?"), answer("Because."), user("x")],
           "Are there plates?", history=[["Who are you?", "A cup."], ["Why?", "Because."]])
    c = Checkpoint(out, "talk-one-tile", "llama", 302, processor={"max_patches": 1},
                   text_settings={"head_dim": 6})
    c.case(out, "talk-one-tile", "max_patches 1", [user(IMAGE, "x")], "What is it?", [(90, 30)])
    c = Checkpoint(out, "talk-many-tiles", "qwen3", 303,
                   processor={"max_patches": 20, "min_patches": 3,
                              "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4],
                              "resample": 2},
                   text_settings={"head_dim": 12})
    c.case(out, "talk-many-tiles", "3 to 20 patches, bilinear, own mean", [user(IMAGE, "x")],
           "What is it?", [(150, 118)])
    c.case(out, "talk-min-tiles", "a small square image makes 3 patches or more",
           [user(IMAGE, "x")], "What is it?", [(28, 28)])
    c = Checkpoint(out, "talk-bos", "llama", 304, bos=True, template="{{ bos_token }}" + TEMPLATE)
    c.case(out, "talk-bos", "the template writes the first token", [user(IMAGE, "x")],
           "What is it?", [(28, 60)])
    c = Checkpoint(out, "talk-bos-added", "llama", 305, bos=True)
    c.case(out, "talk-bos-added", "the tokenizer adds the first token", [user(IMAGE, "x")],
           "What is it?", [(28, 60)])


if __name__ == "__main__":
    main(sys.argv[1])
