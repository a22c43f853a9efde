/** The page that other sites frame: /embed#<avatar id>?s=<state>. */

import { fromAddress, stateOf } from "../studio/session.js";
import { PerseAvatar } from "./perse_avatar.js";

async function show() {
  const [id] = location.hash.slice(1).split("?");
  const element = /** @type {PerseAvatar} */ (document.createElement("perse-avatar"));
  document.body.replaceChildren(element);
  const answer = await fetch(`/v1/avatars/${encodeURIComponent(id)}/artifacts?limit=100`);
  const { data = [] } = answer.ok ? await answer.json() : {};
  const bundle = data.find((/** @type {any} */ artifact) => artifact.name === "bundle.glb");
  if (!bundle) {
    element.fail("This avatar cannot be shown here.");
    return;
  }
  const state = fromAddress(location.hash);
  if (state) element.state = state;
  element.setAttribute("src", bundle.links.content);
}

// The page around it may move the avatar, as often as it likes: a stream of ARKit's weights, for example.
window.addEventListener("message", ({ data }) => {
  const element = document.querySelector("perse-avatar");
  if (element instanceof PerseAvatar && data?.type === "perse-state") element.state = stateOf(data.state ?? {}, element.state);
});
window.addEventListener("hashchange", () => void show());
void show();
