//! Numbered names, declared once.

/// Declares a type of PKCS#11 numbers with a constant and a name for each number we know. Others
/// are values of the type all the same: what to do with them is the reader's to say.
macro_rules! numbers {
    (
        $(#[$meta:meta])*
        $type:ident: $($name:ident = $number:literal, $symbol:literal;)*
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub struct $type(pub u64);

        impl $type {
            $(
                #[doc = concat!("`", $symbol, "`.")]
                pub const $name: Self = Self($number);
            )*

            /// Every number that has a name here, in the order of the table.
            pub const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// PKCS#11's name of the number, if it has one here.
            pub const fn symbol(self) -> Option<&'static str> {
                match self.0 {
                    $( $number => Some($symbol), )*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.symbol() {
                    Some(symbol) => f.write_str(symbol),
                    None => write!(f, "{:#010x}", self.0),
                }
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(super) use numbers;
