// The part of GitHub Flavored Markdown that the cards use, built as nodes: text never becomes markup.

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&#123;": "{", "&#125;": "}" };

function plain(text) {
  return text
    .replace(/\\([\\`*_[\]|~])/g, "$1")
    .replace(/&(?:lt|gt|amp|#123|#125);/g, (entity) => ENTITIES[entity]);
}

function inline(parent, text) {
  // Split at ** that is not escaped; every second part is strong.
  const parts = text.split(/(?<!\\)\*\*/);
  parts.forEach((part, index) => {
    if (part === "") return;
    const strong = index % 2 === 1 && index < parts.length - 1;
    const node = strong ? document.createElement("strong") : document.createTextNode("");
    node.textContent = plain(part);
    parent.append(node);
  });
}

export function render(markdown) {
  const root = document.createDocumentFragment();
  for (const block of String(markdown).split(/\n{2,}/)) {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("- "))) {
      const list = document.createElement("ul");
      for (const line of lines) {
        const item = document.createElement("li");
        inline(item, line.slice(2));
        list.append(item);
      }
      root.append(list);
    } else {
      const paragraph = document.createElement("p");
      inline(paragraph, lines.join(" "));
      root.append(paragraph);
    }
  }
  return root;
}
