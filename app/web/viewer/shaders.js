/**
 * The shaders. A frame is three passes:
 *   bind     one pixel per Gaussian: properties and posed triangle to an ellipse in the image (avatar.md, steps 4 and 6)
 *   splat    the ellipses, farthest first, blended premultiplied into half floats: colours may lie outside 0..1
 *   resolve  over the background, clamped, onto the canvas
 * The constants are the engine's: perse_engine/splatting/cpu/layout.py.
 */

const HEAD = `#version 300 es
precision highp float; precision highp int;
precision highp sampler2DArray; precision highp sampler2D; precision highp usampler2D;
#define WIDTH 1024
ivec2 place(int i) { return ivec2(i % WIDTH, i / WIDTH); }
`;

export const FULL = `${HEAD}
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4. - 1., 0, 1); }`;

/** @param {number} drivers */
export const bindShader = (drivers) => `${HEAD}
uniform sampler2DArray uProperties, uExpression;
uniform usampler2D uBinding;
uniform sampler2D uVertices;
uniform vec4 uDrivers[${2 * Math.max(drivers, 1)}];
uniform mat3 uRotation;
uniform vec3 uTranslation;
uniform vec2 uSize;
uniform float uFocal;
uniform int uCount;
uniform bool uAntialiased;
layout(location = 0) out uvec4 oEllipse;
layout(location = 1) out uvec2 oColour;

mat3 matrix(vec4 q) {
  float w = q.x, x = q.y, y = q.z, z = q.w;
  return mat3(1. - 2. * (y * y + z * z), 2. * (x * y + w * z), 2. * (x * z - w * y),
              2. * (x * y - w * z), 1. - 2. * (x * x + z * z), 2. * (y * z + w * x),
              2. * (x * z + w * y), 2. * (y * z - w * x), 1. - 2. * (x * x + y * y));
}

void main() {
  ivec2 here = ivec2(gl_FragCoord.xy);
  int id = here.y * WIDTH + here.x;
  oEllipse = uvec4(0);
  oColour = uvec2(0);
  if (id >= uCount) return;
  vec4 p0 = texelFetch(uProperties, ivec3(here, 0), 0), q = texelFetch(uProperties, ivec3(here, 1), 0);
  vec4 p2 = texelFetch(uProperties, ivec3(here, 2), 0), p3 = texelFetch(uProperties, ivec3(here, 3), 0);
  vec3 offset = p0.xyz, colour = p3.rgb;
  float opacity = p0.w;
  int row = int(p2.w);
  if (row >= 0) {
    for (int e = 0; e < ${drivers}; e++) {
      vec4 a = uDrivers[2 * e], b = uDrivers[2 * e + 1];
      if (a == vec4(0) && b == vec4(0)) continue;
      vec4 da = a * texelFetch(uExpression, ivec3(place(row), 2 * e), 0);
      offset += da.xyz;
      opacity += da.w;
      colour += b.rgb * texelFetch(uExpression, ivec3(place(row), 2 * e + 1), 0).rgb;
    }
  }
  uvec4 binding = texelFetch(uBinding, here, 0);
  vec3 a = texelFetch(uVertices, place(int(binding.x)), 0).xyz;
  vec3 u = texelFetch(uVertices, place(int(binding.y)), 0).xyz - a;
  vec3 v = texelFetch(uVertices, place(int(binding.z)), 0).xyz - a;
  vec2 bary = vec2(binding.w & 65535u, binding.w >> 16) / 65535.;
  vec3 n = cross(u, v);
  float area = length(n) + 1e-20;
  float growth = p3.w > 0. ? clamp(sqrt(area / p3.w), .5, 2.) : 2.;
  vec3 mean = a + bary.x * u + bary.y * v;
  u /= length(u) + 1e-20;
  n /= area;
  mat3 frame = mat3(u, cross(n, u), n);
  mean += frame * offset * growth;
  vec3 scale = exp(min(p2.xyz, vec3(-4.1997051))) * growth;

  vec3 c = uRotation * mean + uTranslation;
  opacity = clamp(opacity, 0., 1.);
  if (c.z < .01 || opacity < 1. / 255.) return;
  mat3 axes = uRotation * frame * matrix(normalize(q));
  float inverse = 1. / c.z, per = uFocal * inverse;
  vec2 limit = 1.3 * .5 * uSize / uFocal, at = c.xy * inverse, slope = clamp(at, -limit, limit);
  vec3 x, y;
  for (int k = 0; k < 3; k++) {
    vec3 m = axes[k] * scale[k];
    x[k] = per * (m.x - slope.x * m.z);
    y[k] = per * (m.y - slope.y * m.z);
  }
  vec3 span = cross(x, y);
  float sharp = dot(span, span), xx = dot(x, x), yy = dot(y, y), xy = dot(x, y);
  float blur = uAntialiased ? .1 : .3;
  float determinant = sharp + (xx + yy) * blur + blur * blur;
  xx += blur;
  yy += blur;
  float peak = uAntialiased ? opacity * sqrt(sharp / determinant) : opacity;
  if (!(peak >= 1. / 255.)) return;
  float large = .5 * (xx + yy) + length(vec2(.5 * (xx - yy), xy)), small = determinant / large;
  vec2 along = xx >= yy ? vec2(large - yy, xy) : vec2(xy, large - xx);
  along = dot(along, along) > 0. ? normalize(along) : vec2(1, 0);
  vec2 centre = at * uFocal + .5 * uSize;
  vec2 major = along * min(sqrt(large), 4096.), minor = vec2(-along.y, along.x) * sqrt(small);
  oEllipse = uvec4(floatBitsToUint(centre), packHalf2x16(major), packHalf2x16(minor));
  oColour = uvec2(packHalf2x16(colour.rg), packHalf2x16(vec2(colour.b, peak)));
}`;

export const SPLAT_VERTEX = `${HEAD}
uniform usampler2D uOrder, uEllipse, uColour;
uniform vec2 uSize;
uniform int uDrawn, uBatch;
out vec2 vAt;
flat out vec4 vColour;
void main() {
  gl_Position = vec4(0, 0, 2, 1);
  int k = gl_InstanceID * uBatch + (gl_VertexID >> 2);
  if (k >= uDrawn) return;
  ivec2 id = place(int(texelFetch(uOrder, place(k), 0).x));
  uvec2 packed = texelFetch(uColour, id, 0).xy;
  vColour = vec4(unpackHalf2x16(packed.x), unpackHalf2x16(packed.y));
  if (vColour.a < 1. / 255.) return;
  uvec4 e = texelFetch(uEllipse, id, 0);
  float cut = sqrt(2. * log(vColour.a * 255.)) + .01;
  vAt = vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1) * 2. - 1.;
  vAt *= cut;
  vec2 pixel = uintBitsToFloat(e.xy) + vAt.x * unpackHalf2x16(e.z) + vAt.y * unpackHalf2x16(e.w);
  gl_Position = vec4((pixel / uSize * 2. - 1.) * vec2(1, -1), 0, 1);
}`;

export const SPLAT_FRAGMENT = `${HEAD}
in vec2 vAt;
flat in vec4 vColour;
out vec4 oColour;
void main() {
  float alpha = min(vColour.a * exp(-.5 * dot(vAt, vAt)), .999);
  if (alpha < 1. / 255.) discard;
  oColour = vec4(vColour.rgb * alpha, alpha);
}`;

export const RESOLVE = `${HEAD}
uniform sampler2D uImage;
uniform vec4 uBackground;
out vec4 oColour;
void main() {
  vec4 c = texelFetch(uImage, ivec2(gl_FragCoord.xy), 0);
  oColour = clamp(c + (1. - c.a) * uBackground, 0., 1.);
}`;
