// What is said of photos.

export const isBusy = (photo) => photo.state !== "done";
export const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

// The command's sentences name its options; here they are controls.
export const inWords = (text) => text.replace(/--upscale ([\d.]+)/g, "enlarging it $1 times");

export function outcome(photo) {
  if (!photo.result) return photo.error ? "not restored" : "";
  const faces = photo.result.faces;
  if (!faces.length) return "no face found";
  return `${faces.filter((face) => face.done === "restored").length} of ${plural(faces.length, "face")} restored`;
}

export function doing(photo) {
  if (photo.state === "working") return `restoring, ${photo.seconds} s so far`;
  if (photo.state === "waiting") return photo.ahead ? `waiting, ${plural(photo.ahead, "photo")} before it` : "next";
  return photo.state === "arriving" ? "arriving" : outcome(photo);
}
