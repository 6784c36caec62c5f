/** What `plugins/kernels.ts` makes of a file in AssemblyScript. */
declare module "*?wasm" {
  const code: Uint8Array<ArrayBuffer>;
  export default code;
}
