// Parts of a catalogue, as build.mjs makes them.
declare module "*.json?desk" {
  const words: Record<string, string>;
  export default words;
}
declare module "*.json?rest" {
  const words: Record<string, string>;
  export default words;
}
