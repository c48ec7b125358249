"""Trains small tokenizers of many configurations and records what transformers makes of random texts.

    python make_tokenizers.py OUT [--texts N] [--seed S]

OUT gets one folder per configuration: the tokenizer's files and expected.json with texts, their ids, and the decoded
text of those ids and of random ids. The committed selection is SELECTION with 70 texts; its InternLM2 configuration
needs the class of the published checkpoints (--internlm2). Needs transformers 4.57, tokenizers 0.22, sentencepiece 0.2.
"""

import argparse
import io
import json
import os
import random
import shutil
import tempfile
import unicodedata

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, CLIPTokenizer, GPT2Tokenizer, LlamaTokenizer, Qwen2Tokenizer

CORPUS = [
    "The picture shows two cats on a pink couch, and a small dog.",
    "Where is the red car? It's parked near the old bridge; we've seen it.",
    "def area(w, h):\n    return w * h\n\nfor i in range(10):\n    print(area(i, 2.5))",
    "请描述这张图片。图中有一只猫和两只狗，天空是蓝色的。",
    "この写真には青い空と白い雲が写っています。",
    "На картинке изображена дверь, рядом стоит стол.",
    "Das große Haus am Fluß, naïve façade, über 1234567890 Jahre.",
    "https://example.org/a/b?c=d&e=f#g (2023-11-05) [1, 2, 3] {x: y} <tag>",
    "Hello world, hello there, the there then them, this that these those.",
] * 3

WORDS = [
    "hello", "world", "the", "cat", "It's", "DON'T", "we'LL", "1234", "3.14", "(x)", "...", "!?", "图片", "猫", "写真",
    "дверь", "naïve", "é", "e\u0301", "ﬁ", "Å", "\u212b", "ſ", "'ſ", "ß", "ﷺ", "½", "①", "한국", "\u1100\u1161",
    "😀", "👨‍👩‍👧‍👦", "🇫🇷", "❤️", "\u200b", "\u200d", "\ufeff", "\ufffd", "\u00ad", "\x00", "\x01", "\x1c", "\x7f",
    "\x85", "▁", "▁▁", "▁a", "<", ">", "<s", "<0x41>", "</w>", "Ġ", "##", "\u0130", "Σ", "ΟΔΟΣ", "𝔘", "\U00020000",
    "\u0e01\u0e33", "\u0bcd", " n't", " .", " 's", " ' ",
]
SPACES = [" ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", "\xa0", "\u3000", "\u2028", "\u2003", "\x0b", " \n ", ""]


def random_character(rng):
    """A character that this Python's Unicode version knows: what is unassigned there depends on versions."""
    while True:
        character = chr(rng.choice([rng.randint(0x80, 0x7FF), rng.randint(0x800, 0xD7FF), rng.randint(0x10000, 0x1FFFF)]))
        if unicodedata.category(character) != "Cn":
            return character


def random_texts(rng, count, added):
    texts = ["", " ", "  ", "\n", "▁", " a", "a ", "Hello world", "  two  spaces  "]
    texts += added + [a + "x" for a in added] + ["x " + a + " y" for a in added] + ["x" + a + "  y" for a in added]
    if added:
        texts += ["".join(added), " ".join(added), " " + added[0], added[0] + " ", added[0] + added[0] + "\n"]
    while len(texts) < count:
        parts = []
        for _ in range(rng.randint(1, 9)):
            kind = rng.random()
            if kind < 0.45:
                parts.append(rng.choice(WORDS))
            elif kind < 0.6 and added:
                token = rng.choice(added)
                parts.append(token if rng.random() < 0.8 else token[: rng.randint(1, len(token))])
            elif kind < 0.7:
                parts.append("".join(chr(rng.randint(32, 126)) for _ in range(rng.randint(1, 6))))
            elif kind < 0.76:
                parts.append(random_character(rng))
            parts.append(rng.choice(SPACES) if rng.random() < 0.6 else "")
        texts.append("".join(parts))
    return texts[:count] if count > 60 else texts


def sp_model(**options):
    out = io.BytesIO()
    settings = dict(
        vocab_size=420, model_type="bpe", byte_fallback=True, character_coverage=0.98, add_dummy_prefix=True,
        remove_extra_whitespaces=False, normalization_rule_name="identity", num_threads=1, minloglevel=2,
        hard_vocab_limit=False,
    )
    settings.update(options)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_writer=out, **settings)
    return out.getvalue()


RULES = [("A", "a"), ("ﬁ", "fi"), ("\xa0", " "), ("\u3000", " "), ("\t", " "), ("\u200b", ""), ("e\u0301", "é"), ("½", "1 2"), ("①", "1")]


def sp_model_with_rules(**options):
    """A model whose replacement table is small, unlike the 240 KB of the named rules."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
        for source, target in RULES:
            rules.write("\t".join(" ".join(f"{ord(c):04X}" for c in text) for text in (source, target)) + "\n")
        rules.flush()
        return sp_model(normalization_rule_name="", normalization_rule_tsv=rules.name, **options)


def token_entry(content, special=False, **flags):
    entry = dict(content=content, lstrip=False, normalized=not special, rstrip=False, single_word=False, special=special)
    entry.update(flags)
    return entry


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=1)
        f.write("\n")


BASE = {0: token_entry("<unk>", True), 1: token_entry("<s>", True), 2: token_entry("</s>", True)}
FLAGGED = [
    token_entry("<|im_start|>", True), token_entry("<|im_end|>", True, rstrip=True), token_entry("<left>", False, lstrip=True),
    token_entry("<both>", True, lstrip=True, rstrip=True), token_entry("word", False, single_word=True),
    token_entry("<think>"), token_entry("</think>"), token_entry("[EMB]", True), token_entry("[EMB2]", True),
]


def llama_folder(folder, model, tokens, **config):
    with open(os.path.join(folder, "tokenizer.model"), "wb") as f:
        f.write(model)
    size = sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size()
    decoder = dict(BASE)
    decoder.update({size + i: t for i, t in enumerate(tokens)})
    write_json(folder, "tokenizer_config.json", dict(
        dict(added_tokens_decoder={str(k): v for k, v in decoder.items()}, bos_token="<s>", eos_token="</s>",
             unk_token="<unk>", pad_token=None, tokenizer_class="LlamaTokenizer", clean_up_tokenization_spaces=False,
             additional_special_tokens=[t["content"] for t in tokens if t["special"]][:2]), **config))


def byte_level_bpe(vocab=400, **pre):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=vocab, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False, **pre))
    return tokenizer


def bpe_folder(folder, tokenizer, tokens, version="#version: 0.2\n", **config):
    model = json.loads(tokenizer.to_str())["model"]
    write_json(folder, "vocab.json", model["vocab"])
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as f:
        f.write(version + "".join(" ".join(m) + "\n" for m in model["merges"]))
    size = len(model["vocab"])
    write_json(folder, "tokenizer_config.json", dict(
        dict(added_tokens_decoder={str(size + i): t for i, t in enumerate(tokens)}), **config))


def json_folder(folder, tokenizer, tokens, **config):
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    decoder = {tokenizer.token_to_id(t["content"]): t for t in tokens if tokenizer.token_to_id(t["content"]) is not None}
    fresh = [t for t in tokens if tokenizer.token_to_id(t["content"]) is None]
    decoder.update({size + i: t for i, t in enumerate(fresh)})
    write_json(folder, "tokenizer_config.json", dict(
        dict(added_tokens_decoder={str(k): v for k, v in sorted(decoder.items())},
             tokenizer_class="PreTrainedTokenizerFast", clean_up_tokenization_spaces=False), **config))


QWEN_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3_PATTERN = QWEN_PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def qwen3_like(folder):
    tokenizer = byte_level_bpe()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN_PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    json_folder(folder, tokenizer, [token_entry("<tool>", False, normalized=True), token_entry("<IMG_CONTEXT>", True)],
                tokenizer_class="Qwen2Tokenizer", eos_token="<|im_end|>", pad_token="<|endoftext|>", unk_token=None,
                bos_token=None, extra_special_tokens={"context_image_token": "<IMG_CONTEXT>"})


def llama3_like(folder):
    tokenizer = byte_level_bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3_PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>"])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))])])
    json_folder(folder, tokenizer, [], bos_token="<|begin_of_text|>", eos_token="<|eot_id|>", clean_up_tokenization_spaces=True)


def gpt2_json(folder):
    tokenizer = byte_level_bpe()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    json_folder(folder, tokenizer, FLAGGED[:4], add_prefix_space=True, tokenizer_class="GPT2Tokenizer", bos_token="<|endoftext|>",
                eos_token="<|endoftext|>", unk_token="<|endoftext|>", pad_token="[PAD]")


def llama_json(folder, tokens, metaspace=False, **config):
    model = sp_model(vocab_size=500)
    source = os.path.join(folder, "slow")
    os.makedirs(source)
    llama_folder(source, model, tokens, legacy=False)
    from transformers import LlamaTokenizerFast
    from transformers.convert_slow_tokenizer import convert_slow_tokenizer

    slow = LlamaTokenizer.from_pretrained(source)
    tokenizer = convert_slow_tokenizer(slow)
    if not metaspace:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.pre_tokenizer = None
    shutil.rmtree(source)
    json_folder(folder, tokenizer, list(BASE.values()) + tokens, bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                pad_token="<unk>", **config)


def unigram_json(folder):
    model = sp_model(model_type="unigram", byte_fallback=False, normalization_rule_name="nmt_nfkc", remove_extra_whitespaces=True)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    from transformers.convert_slow_tokenizer import import_protobuf

    proto = import_protobuf().ModelProto.FromString(model)
    tokenizer = Tokenizer(models.Unigram([(p.piece, p.score) for p in proto.pieces], unk_id=processor.unk_id(), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
                                                 normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    json_folder(folder, tokenizer, [token_entry("</s>", True), token_entry("<extra>", True, lstrip=True)], eos_token="</s>", unk_token="<unk>")


def wordpiece_json(folder):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    json_folder(folder, tokenizer, [], unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
                mask_token="[MASK]", clean_up_tokenization_spaces=True)


def clip_slow(folder):
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\s+"), "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=700, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False,
        special_tokens=[c + "</w>" for c in sorted(alphabet)]))
    model = json.loads(tokenizer.to_str())["model"]
    vocab = dict(model["vocab"])
    merges = [m for m in model["merges"] if all(t in vocab for t in (m[0], m[1], m[0] + m[1]))]
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocab[token] = len(vocab)
    write_json(folder, "vocab.json", vocab)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n")
    write_json(folder, "tokenizer_config.json", dict(tokenizer_class="CLIPTokenizer", bos_token="<|startoftext|>",
                                                     eos_token="<|endoftext|>", unk_token="<|endoftext|>", pad_token="!"))


def configurations(internlm2):
    flagged = FLAGGED
    yield "llama-flags", LlamaTokenizer, lambda f: llama_folder(f, sp_model(), flagged, legacy=False)
    yield "llama-legacy-flags", LlamaTokenizer, lambda f: llama_folder(f, sp_model(), flagged, legacy=True)
    yield "llama-legacy-squeeze", LlamaTokenizer, lambda f: llama_folder(
        f, sp_model(remove_extra_whitespaces=True), flagged, legacy=True, add_eos_token=True, clean_up_tokenization_spaces=True)
    yield "llama-squeeze", LlamaTokenizer, lambda f: llama_folder(f, sp_model(remove_extra_whitespaces=True), flagged, legacy=False)
    yield "llama-no-prefix", LlamaTokenizer, lambda f: llama_folder(
        f, sp_model(add_dummy_prefix=False), flagged, legacy=False, add_prefix_space=False, add_bos_token=False)
    yield "llama-no-bytes", LlamaTokenizer, lambda f: llama_folder(
        f, sp_model(byte_fallback=False, user_defined_symbols=["<sym>", "the", "  "]), flagged[:4], legacy=True)
    yield "llama-user-symbols", LlamaTokenizer, lambda f: llama_folder(
        f, sp_model(user_defined_symbols=["<sym>", "the", "▁▁"], control_symbols=["<ctl>"]), flagged, legacy=False)
    yield "unigram-nfkc", LlamaTokenizer, lambda f: llama_folder(
        f, sp_model(model_type="unigram", normalization_rule_name="nmt_nfkc", remove_extra_whitespaces=True, byte_fallback=False),
        flagged[:6], legacy=True)
    yield "unigram-nfkc-cf", LlamaTokenizer, lambda f: llama_folder(
        f, sp_model(model_type="unigram", normalization_rule_name="nmt_nfkc_cf", user_defined_symbols=["<sym>", "The"]), flagged[:6], legacy=False)
    yield "unigram-rules", LlamaTokenizer, lambda f: llama_folder(
        f, sp_model_with_rules(model_type="unigram", remove_extra_whitespaces=True, user_defined_symbols=["<sym>", "the"]), flagged[:6], legacy=True)
    yield "bpe-nfkc", LlamaTokenizer, lambda f: llama_folder(f, sp_model(normalization_rule_name="nmt_nfkc"), flagged, legacy=True)
    if internlm2 is not None:
        yield "internlm2", internlm2, lambda f: llama_folder(
            f, sp_model(add_dummy_prefix=False), flagged, tokenizer_class="InternLM2Tokenizer")
        yield "internlm2-prefix", internlm2, lambda f: llama_folder(
            f, sp_model(), flagged, tokenizer_class="InternLM2Tokenizer", clean_up_tokenization_spaces=True, add_eos_token=True)
    yield "qwen2-flags", Qwen2Tokenizer, lambda f: bpe_folder(
        f, byte_level_bpe(), [token_entry("<|endoftext|>", True)] + flagged, tokenizer_class="Qwen2Tokenizer", eos_token="<|im_end|>",
        pad_token="<|endoftext|>", additional_special_tokens=["<|im_start|>", "<both>"], clean_up_tokenization_spaces=True)
    yield "qwen2-defaults", Qwen2Tokenizer, lambda f: bpe_folder(
        f, byte_level_bpe(), [], version="", tokenizer_class="Qwen2Tokenizer", unk_token=None)
    yield "gpt2-slow", GPT2Tokenizer, lambda f: bpe_folder(
        f, byte_level_bpe(), flagged, tokenizer_class="GPT2Tokenizer", add_prefix_space=True, add_bos_token=True, clean_up_tokenization_spaces=True)
    yield "clip-slow", CLIPTokenizer, clip_slow
    yield "qwen3-json", None, qwen3_like
    yield "llama3-json", None, llama3_like
    yield "gpt2-json", None, gpt2_json
    yield "phi3-json", None, lambda f: llama_json(
        f, [token_entry("<|end|>", True, rstrip=True), token_entry("<|user|>", True, rstrip=True), token_entry("<|assistant|>", True, rstrip=True),
            token_entry("<pad>", False, normalized=False)], tokenizer_class="LlamaTokenizer", add_bos_token=True, add_eos_token=False, legacy=False)
    yield "yi-json", None, lambda f: llama_json(
        f, [token_entry("<|im_start|>", True), token_entry("<|im_end|>", True)], tokenizer_class="LlamaTokenizer", add_bos_token=False)
    yield "internlm3-json", None, lambda f: llama_json(
        f, [token_entry("<|im_end|>", True), token_entry("<think>", False)], metaspace=True)
    yield "unigram-json", None, unigram_json
    yield "wordpiece-json", None, wordpiece_json


SELECTION = [
    "clip-slow", "gpt2-json", "gpt2-slow", "internlm2", "internlm3-json", "llama-flags", "llama-legacy-flags", "llama-legacy-squeeze",
    "llama-no-bytes", "llama-no-prefix", "llama-user-symbols", "llama3-json", "phi3-json", "qwen2-flags", "qwen3-json",
    "unigram-rules", "wordpiece-json",
]


def record(folder, kind, rng, count):
    tokenizer = kind.from_pretrained(folder) if kind is not None else AutoTokenizer.from_pretrained(folder)
    if kind is None:
        assert tokenizer.is_fast
    added = [t for t in tokenizer.get_added_vocab() if t]
    texts = random_texts(rng, count, added)
    ids = [tokenizer(t)["input_ids"] for t in texts]
    size = max(tokenizer.get_vocab().values()) + 1
    known = sorted(set(tokenizer.get_vocab().values()))
    lists = [[rng.choice(known) for _ in range(rng.randint(1, 12))] for _ in range(count // 2)]
    expected = dict(
        texts=texts, ids=ids,
        decoded=[tokenizer.decode(i, skip_special_tokens=True) for i in ids],
        decoded_all=[tokenizer.decode(i, skip_special_tokens=False) for i in ids],
        random_ids=lists,
        random_decoded=[tokenizer.decode(i, skip_special_tokens=True) for i in lists],
        random_decoded_all=[tokenizer.decode(i, skip_special_tokens=False) for i in lists],
        vocabulary_size=size,
        bos_token=tokenizer.bos_token, eos_token=tokenizer.eos_token, pad_token=tokenizer.pad_token, unk_token=tokenizer.unk_token)
    return expected


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--texts", type=int, default=70)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--internlm2", help="folder with the published tokenization_internlm2.py")
    parser.add_argument("--only", nargs="*", default=SELECTION, help="configurations; none for all")
    args = parser.parse_args()
    internlm2 = None
    if args.internlm2:
        import sys

        sys.path.insert(0, args.internlm2)
        from tokenization_internlm2 import InternLM2Tokenizer as internlm2
    for name, kind, make in configurations(internlm2):
        if args.only and name not in args.only:
            continue
        folder = os.path.join(args.out, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        make(folder)
        expected = record(folder, kind, random.Random(f"{name} {args.seed}"), args.texts)
        with open(os.path.join(folder, "expected.json"), "w", encoding="utf-8") as f:
            json.dump(expected, f, ensure_ascii=True, separators=(",", ":"))
            f.write("\n")
        print(name, expected["vocabulary_size"], flush=True)


if __name__ == "__main__":
    main()
