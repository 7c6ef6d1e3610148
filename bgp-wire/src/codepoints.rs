//! The macro behind every IANA registry of [`crate::iana`].

/// Declares open code points: a newtype over the wire's integer with one named constant a row.
///
/// Any value of the integer is a valid code point, so an unassigned one survives a round trip. `Display` prints the
/// registry's name, or the number where it has none.
macro_rules! codepoints {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident($int:ty) {
            $( $(#[$row_meta:meta])* $row:ident = $value:literal, $text:literal; )*
        }
    )*) => {$(
        $(#[$meta])*
        #[expect(clippy::exhaustive_structs, reason = "any number is a code point")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(
            /// The number on the wire.
            pub $int,
        );

        impl $name {
            $( $(#[$row_meta])* pub const $row: Self = Self($value); )*

            /// The registry's name, or `None` for a code point that this crate does not know.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some($text), )*
                    _ => None,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => core::fmt::Display::fmt(&self.0, f),
                }
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}({}", stringify!($name), self.0)?;
                if let Some(name) = self.name() {
                    write!(f, " {name}")?;
                }
                f.write_str(")")
            }
        }

        impl From<$int> for $name {
            fn from(value: $int) -> Self {
                Self(value)
            }
        }

        impl From<$name> for $int {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    )*};
}

pub(crate) use codepoints;
