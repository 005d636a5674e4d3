"use strict";
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node && typeof value !== "string") node[name] = value; else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}
