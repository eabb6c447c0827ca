// Runs before the provider is loaded: a clock that a test can move, and a quiet standard output.

const RealDate = Date;
let offsetMs = 0;

class MovableDate extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + offsetMs);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
}

globalThis.Date = MovableDate;

// The provider calls URL.parse, which Node has from release 22 on.
URL.parse ??= (text, base) => {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
};

// Standard output carries exactly one line, the one that says the server is ready.
console.info = console.error;
console.log = console.error;

export const clock = {
  get offsetSeconds() {
    return offsetMs / 1000;
  },
  set offsetSeconds(seconds) {
    offsetMs = seconds * 1000;
  },
};
