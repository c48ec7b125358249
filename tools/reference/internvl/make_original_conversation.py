"""Makes parity cases from image files and questions to ids, in the original layout.

Usage: python make_original_conversation.py OUT

The original code is not needed: prompts and tiles are made here as its specification says, the
model is the transformers library's under the original tensor names.
"""

import sys

import numpy as np
import torch
from PIL import Image

import make_chat
import make_conversation
import parity

SYSTEM_2 = ("你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, "
            "是一个有用无害的人工智能助手。")
SYSTEM_25 = ("你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的"
             "多模态大语言模型。")


def chat_ml(system, line):
    end = "<|im_end|>" + line
    return (f"<|im_start|>system\n{system}{end}", "<|im_start|>user\n{}" + end,
            "<|im_start|>assistant\n{}" + end, "<|im_start|>assistant\n")


def phi3(system):
    return (f"<|system|>\n{system}<|end|>", "<|user|>\n{}<|end|>", "<|assistant|>\n{}<|end|>",
            "<|assistant|>\n")


ZH = (" ", "<human>: {} ", "<bot>: {}</s>", "<bot>:")


def grid(width, height, size, low, high):
    """The first of the nearest ratios; a larger grid wins a tie while half of it is filled."""
    pairs = sorted(((c, r) for c in range(1, high + 1) for r in range(1, high + 1)
                    if low <= c * r <= high), key=lambda p: p[0] * p[1])
    best, least = None, float("inf")
    for c, r in pairs:
        d = abs(width / height - c / r)
        if d < least:
            best, least = (c, r), d
        elif d == least and width * height > 0.5 * size * size * c * r:
            best = (c, r)
    return best


def tiles(image, size, low, high, thumbnail):
    c, r = grid(*image.size, size, low, high)
    whole = image.resize((c * size, r * size))
    found = [whole.crop((x * size, y * size, (x + 1) * size, (y + 1) * size))
             for y in range(r) for x in range(c)]
    if thumbnail and len(found) > 1:
        found.append(image.resize((size, size)))
    return found


def normalised(images):
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    x = [(np.asarray(i.convert("RGB"), np.float32) / np.float32(255) - mean) / std for i in images]
    return torch.from_numpy(np.stack(x)).permute(0, 3, 1, 2).contiguous()


class Original(make_conversation.Checkpoint):
    def __init__(self, out, name, family, seed, form, stop, settings, bos=False, **more):
        super().__init__(out, name, family, seed, bos=bos, **more)
        self.tokenizer.chat_template = None
        self.form, self.settings = form, settings
        self.stop = self.tokenizer.convert_tokens_to_ids(stop)

    def write(self):
        config = make_chat.original_config(self.model, **self.settings)
        t = make_chat.original(self.model)(dict(self.model.state_dict()))
        parity.write_model(self.folder, config, t, "f16")
        self.tokenizer.save_pretrained(self.folder)
        (self.folder / "special_tokens_map.json").unlink(missing_ok=True)

    def talk(self, out, name, note, prompt, images=(), history=(), new=12):
        folder = self.folder.parent.parent / name
        folder.mkdir(parents=True, exist_ok=True)
        s = self.settings
        low, high = s.get("min_dynamic_patch", 1), s.get("max_dynamic_patch", 6)
        files, groups = [], []
        for i, size in enumerate(images):
            files.append(f"image-{i}.png")
            make_conversation.picture(self.seed + i, *size).save(folder / files[-1])
            image = Image.open(folder / files[-1])
            if s.get("dynamic_image_size", True):
                groups.append(tiles(image, 28, low, high, s.get("use_thumbnail", True)))
            elif s.get("pad2square"):
                side = max(image.size)
                square = Image.new("RGB", (side, side), (123, 116, 103))
                square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
                groups.append([square.resize((28, 28), Image.BICUBIC)])
            else:
                groups.append([image.resize((28, 28), Image.BICUBIC)])
        pixels = normalised(sum(groups, [])) if files else None
        f = make_chat.features(self.model, pixels) if files else None
        if files and s.get("ps_version") == "v1":
            f = make_chat.transposed(f)
        for attempt in range(40):
            asked = prompt + "!" * attempt
            marked = asked
            if files and not history and "<image>" not in asked:
                marked = "<image>\n" + asked
            system, question, told, ask = self.form
            text = system
            for q, a in history:
                text += question.format(q) + told.format(a)
            text += question.format(marked) + ask
            for g in groups:
                text = text.replace("<image>", "<img>" + "<IMG_CONTEXT>" * 4 * len(g) + "</img>", 1)
            x = torch.tensor([self.tokenizer(text).input_ids])
            e = self.model.get_input_embeddings()(x).detach()
            if files:
                e = e.masked_scatter((x == self.image)[:, :, None].expand_as(e), f)
            with torch.no_grad():
                r = self.model.generate(inputs_embeds=e, attention_mask=torch.ones_like(x),
                                        do_sample=False, max_new_tokens=new,
                                        eos_token_id=self.stop, pad_token_id=0,
                                        output_logits=True, return_dict_in_generate=True)
            leads = [float(t[0] - t[1]) for t in (l[0].topk(2).values for l in r.logits)]
            if min(leads) >= 0.05 and self.image not in r.sequences[0]:
                break
        else:
            raise RuntimeError(name)
        arguments = {"prompt": asked, "max_new_tokens": new,
                     "reference_num_tiles": [len(g) for g in groups],
                     "reference_input_ids": x[0].tolist()}
        if files:
            arguments["images"] = files
        if history:
            arguments["history"] = [list(h) for h in history]
        source = ("transformers InternVLForConditionalGeneration under the original names, prompt "
                  f"and tiles by the specification; seed {self.seed}")
        parity.write_case(out, name, "vlm.generate", source, arguments, {},
                          {"generated_ids": r.sequences[0]}, note, exact=["generated_ids"],
                          model=None if name == self.name else f"../{self.name}/model")
        if name == self.name:
            self.write()


def main(out):
    dynamic = {"dynamic_image_size": True, "use_thumbnail": True}
    c = Original(out, "old-hermes", "qwen2", 321, chat_ml(SYSTEM_2, ""), "<|im_end|>",
                 {**dynamic, "template": "Hermes-2", "max_dynamic_patch": 12})
    c.talk(out, "old-hermes", "Hermes-2, 12 tiles", "What is it?", [(100, 77)])
    c.talk(out, "old-hermes-marks", "marks inside the question",
           "First <image> and then <image> and text.", [(30, 31), (90, 20)])
    c.talk(out, "old-hermes-text", "text alone, with history", "And you?",
           history=[("Who?", "Me."), ("Why?", "So.")])
    c.talk(out, "old-hermes-history-images", "images of two turns",
           "<image>\nAnd here?", [(30, 60), (61, 30)], history=[("<image>\nWhat?", "A cup.")])
    c = Original(out, "old-zh", "llama", 322, ZH, "</s>",
                 {"dynamic_image_size": False, "use_thumbnail": False, "template": "internvl_zh",
                  "ps_version": "v1", "pad2square": True}, bos=True)
    c.talk(out, "old-zh", "internvl_zh, padded to a square, v1, first token added", "What is it?",
           [(50, 21)])
    c.talk(out, "old-zh-history", "second turn", "And here?", [(21, 50)],
           history=[("<image>\nWhat?", "A cup.")])
    c = Original(out, "old-phi3", "phi3", 323, phi3(SYSTEM_2), "<|end|>",
                 {**dynamic, "template": "phi3-chat", "min_dynamic_patch": 2,
                  "use_thumbnail": False},
                 text_settings={"num_key_value_heads": 4, "sliding_window": 262144,
                                "original_max_position_embeddings": 128,
                                "max_position_embeddings": 512, "rope_scaling": {
                                    "type": "longrope",
                                    "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4],
                                    "long_factor": [1.5, 2.0, 3.0, 4.0, 6.0]}})
    c.talk(out, "old-phi3", "phi3-chat, 2 to 6 tiles, no thumbnail", "What is it?", [(33, 30)])
    c = Original(out, "old-25-system", "qwen3", 324, chat_ml("Be brief.", "\n"), "<|im_end|>",
                 {"dynamic_image_size": False, "template": "internvl2_5",
                  "system_message": "Be brief."}, text_settings={"head_dim": 8})
    c.talk(out, "old-25-system", "system message of the config, one square tile", "What is it?",
           [(50, 21)])
    c = Original(out, "old-25", "qwen2", 325, chat_ml(SYSTEM_25, "\n"), "<|im_end|>",
                 {**dynamic, "template": "internvl2_5", "system_message": None})
    c.talk(out, "old-25", "internvl2_5, null system message, second turn", "And now?", [(60, 60)],
           history=[("<image>\nWhat?", "A cup.")])


if __name__ == "__main__":
    main(sys.argv[1])
