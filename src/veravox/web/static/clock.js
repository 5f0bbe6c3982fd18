// Seconds as m:ss, with tenths where there are any.

export function clock(seconds) {
  const tenths = Math.round(10 * seconds);
  const whole = Math.floor(tenths / 10);
  const text = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  return tenths % 10 ? `${text}.${tenths % 10}` : text;
}
