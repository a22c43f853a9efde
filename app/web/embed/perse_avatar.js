/**
 * <perse-avatar src="me/bundle.glb"></perse-avatar>: a live avatar on any page, as many as one likes.
 * `state` is what it shows, and may be set at any time; the event `change` tells that the user turned it.
 */

import { orbitBy } from "../viewer/orbit.js";
import { Viewer, restState } from "../viewer/viewer.js";

export class PerseAvatar extends HTMLElement {
  static observedAttributes = ["src"];

  constructor() {
    super();
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "An avatar. Turn it with the arrow keys.");
    Object.assign(this.canvas.style, { width: "100%", height: "100%", display: "block", touchAction: "none", cursor: "grab" });
    this.attachShadow({ mode: "open" }).append(this.canvas);
    /** @type {Viewer | null} */
    this.viewer = null;
    this.shown = restState();
    this.stopOrbit = () => {};
  }

  get state() {
    return this.shown;
  }

  set state(state) {
    this.shown = state;
    this.viewer?.show(state);
  }

  connectedCallback() {
    if (!this.style.display) this.style.display = "block";
    this.stopOrbit = orbitBy(this.canvas, () => this.shown.camera, (camera) => {
      this.state = { ...this.shown, camera };
      this.dispatchEvent(new Event("change"));
    });
    void this.#open();
  }

  disconnectedCallback() {
    this.stopOrbit();
    this.viewer?.dispose();
    this.viewer = null;
  }

  attributeChangedCallback() {
    if (this.isConnected) void this.#open();
  }

  async #open() {
    const src = this.getAttribute("src");
    if (!src) return;
    try {
      this.viewer ??= new Viewer(this.canvas);
      this.viewer.state = this.shown;
      await this.viewer.open(src);
      this.dataset.live = "true";
      this.dispatchEvent(new Event("load"));
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** Say what went wrong in the avatar's place. @param {string} text */
  fail(text) {
    const said = document.createElement("p");
    said.setAttribute("role", "alert");
    said.textContent = text;
    Object.assign(said.style, { font: "15px/1.4 system-ui, sans-serif", padding: "20px", textAlign: "center" });
    this.shadowRoot?.replaceChildren(said);
  }
}

customElements.define("perse-avatar", PerseAvatar);
