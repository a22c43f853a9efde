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
   * @param {number} start @param {number} end @returns {Promise<ArrayBuffer>}
   */
  async read(start, end) {
    // The block of a variant that is a code alone; no Range says "nothing".
    if (end <= start) return new ArrayBuffer(0);
    if (!this.whole) {
      const headers = { ...this.headers, Range: `bytes=${start}-${end - 1}` };
      const answer = await fetch(this.url, { headers });
      if (answer.status !== 206 && answer.status !== 200) {
        throw new Error(`The avatar's file could not be loaded (${answer.status}).`);
      }
      const bytes = await answer.arrayBuffer();
      this.fetchedBytes += bytes.byteLength;
      if (answer.status === 206) return bytes;
      this.whole = bytes;
    }
    return this.whole.slice(start, end);
  }
}
