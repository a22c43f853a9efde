/** Expressions that people want, made of ARKit's; and the names of the sliders that are shown first. */

/** @type {Record<string, Record<string, number>>} */
export const PRESETS = {
  Neutral: {},
  Smile: { mouthSmileLeft: 0.75, mouthSmileRight: 0.75, cheekSquintLeft: 0.3, cheekSquintRight: 0.3, eyeSquintLeft: 0.2, eyeSquintRight: 0.2 },
  Laugh: { mouthSmileLeft: 0.9, mouthSmileRight: 0.9, jawOpen: 0.45, cheekSquintLeft: 0.5, cheekSquintRight: 0.5, eyeSquintLeft: 0.4, eyeSquintRight: 0.4 },
  Surprise: { jawOpen: 0.5, browInnerUp: 0.9, browOuterUpLeft: 0.8, browOuterUpRight: 0.8, eyeWideLeft: 0.7, eyeWideRight: 0.7 },
  Doubt: { browDownLeft: 0.6, browOuterUpRight: 0.8, mouthLeft: 0.3, mouthPressLeft: 0.3 },
  Kiss: { mouthPucker: 0.85, mouthFunnel: 0.2 },
  Sad: { mouthFrownLeft: 0.7, mouthFrownRight: 0.7, browInnerUp: 0.7 },
  Wink: { eyeBlinkLeft: 1, mouthSmileLeft: 0.5, mouthSmileRight: 0.25 },
};

/** Sliders that move several expressions at once. @type {[string, string[]][]} */
export const USEFUL = [
  ["Smile", ["mouthSmileLeft", "mouthSmileRight"]],
  ["Open the mouth", ["jawOpen"]],
  ["Close the eyes", ["eyeBlinkLeft", "eyeBlinkRight"]],
  ["Raise the brows", ["browInnerUp", "browOuterUpLeft", "browOuterUpRight"]],
  ["Lower the brows", ["browDownLeft", "browDownRight"]],
  ["Frown", ["mouthFrownLeft", "mouthFrownRight"]],
  ["Pucker", ["mouthPucker"]],
  ["Squint", ["eyeSquintLeft", "eyeSquintRight"]],
];
