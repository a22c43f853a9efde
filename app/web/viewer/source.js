/** A bundle's bytes on a server, fetched in pieces by HTTP Range. */
export class Source {
  /** @param {string} url @param {Record<string, string>} headers sent with each request */
  constructor(url, headers) {
    this.url = url;
    this.headers = headers;
    /** @type {ArrayBuffer | null} the whole file, when the server knows no ranges */
    this.whole = null;
    this.fetchedBytes = 0;
  }

  /**
   * Bytes [start, end); fewer where the file ends.
   * @param {number} start @param {number} end @param {(fraction: number) => void} [tell] how much has come
   * @returns {Promise<ArrayBuffer>}
   */
  async read(start, end, tell = () => undefined) {
    // The block of a variant that is a code alone; no Range says "nothing".
    if (end <= start) return new ArrayBuffer(0);
    if (!this.whole) {
      const headers = { ...this.headers, Range: `bytes=${start}-${end - 1}` };
      const answer = await fetch(this.url, { headers });
      if (answer.status !== 206 && answer.status !== 200) {
        throw new Error(`The avatar's file could not be loaded (${answer.status}).`);
      }
      const bytes = await counted(answer, tell);
      this.fetchedBytes += bytes.byteLength;
      if (answer.status === 206) return bytes;
      this.whole = bytes;
    }
    return this.whole.slice(start, end);
  }
}

/** An answer's bytes. @param {Response} answer @param {(fraction: number) => void} tell @returns {Promise<ArrayBuffer>} */
async function counted(answer, tell) {
  const length = Number(answer.headers.get("Content-Length"));
  if (!answer.body || !length) return answer.arrayBuffer();
  const [reader, parts] = [answer.body.getReader(), /** @type {Uint8Array<ArrayBuffer>[]} */ ([])];
  for (let came = 0; ; ) {
    const { value, done } = await reader.read();
    if (done) return new Blob(parts).arrayBuffer();
    parts.push(value);
    came += value.length;
    tell(Math.min(1, came / length));
  }
}
